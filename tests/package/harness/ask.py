# SPDX-License-Identifier: BSD-2-Clause
"""A program: asks SERVER for NAME and TYPE over UDP, and prints what came as JSON; null when nothing came."""
import json
import sys

import dns.edns
import dns.exception
import dns.message
import dns.query
import dns.rcode

server, name, rrtype = sys.argv[1:]
try:
    reply = dns.query.udp(dns.message.make_query(name, rrtype, use_edns=0), server, timeout=10)
    errors = [o for o in reply.options if o.otype == dns.edns.OptionType.EDE]
    print(json.dumps({
        "rcode": dns.rcode.to_text(reply.rcode()),
        "ede": [[int(getattr(o, "code", 0)), getattr(o, "text", None)] for o in errors],
        "answer": [rr.to_text() for rrset in reply.answer for rr in rrset],
    }))
except (dns.exception.Timeout, OSError):
    print("null")
