# SPDX-License-Identifier: BSD-2-Clause
#
# installed.sed - makes of config/saring.yaml, which serves from a checkout, the one that is installed as /etc/saring/saring.yaml:
# port 53, and what is written goes where the service may write. tests/package/test_install.py sees to it that each line finds its own.

s|^# As it stands, this file serves from a checkout.*|# As it stands, this file serves this machine alone: on port 53 of its loopback addresses, by the servers of /etc/resolv.conf.|

# the addresses that are the default, said because they are the first thing that is changed
s|^  - dns://127\.0\.0\.1:5300$|  - dns://127.0.0.1:53|
s|^  #- "dns://\[::1\]:5300"$|  - "dns://[::1]:53"|

s|^  socket: \.\./build/run/control\.sock$|  #socket: /run/saring/control.sock|
s|^state: \.\./build/state$|#state: /var/lib/saring|

# a list for the first name that is to be blocked here
/^lists:$/a\
  # Of this machine: saringctl list add local NAME --reason WHY\
  - name: local\
    file: lists/local.yaml\
  # The worked example of what a list can say. The order is over: it acts once 'saringctl list mode telegram-2017 enforce' says so.
/^  - name: telegram-2017$/,/^  #- /s|^    #mode: enforce$|    # Default: enforce\n    mode: off|
