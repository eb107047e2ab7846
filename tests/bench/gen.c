/* SPDX-License-Identifier: BSD-2-Clause */
/* gen - a load generator for DNS over UDP, one thread; every answer is checked.
 *
 * gen -q FILE -s IP:PORT [-t SECONDS] [-w WINDOW] [-r RATE] [-p PID] [-n COUNT]
 *
 * -w: closed loop, so many queries outstanding
 *
 * -r: open loop at so many a second; latency counts from when a query was due (no coordinated omission)
 *
 * -p: the CPU time of that process too
 *
 * -n: stop after so many (one pass fills a cache)
 *
 * gen -W NAME -s IP:PORT [-t SECONDS] [-x B|F] [-u]
 *
 * asks NAME (-u: a fresh label below it) every 2 ms until the answer is of that class, and prints the milliseconds it took.
 *
 * FILE has lines "CLASS NAME": B must be answered as blocked, F as forwarded, U as F below a fresh label. Forwarded means that the
 * first answer is 192.0.2.1; blocked is NXDOMAIN, NODATA or any other address. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define B 32
struct q {
	uint16_t len;
	char cls;
	uint8_t pkt[286];
};
static struct q *qs;
static int nq;
static struct {
	uint64_t t;
	char cls;
	char busy;
} slot[65536];
static uint64_t answered, sent, lost, wrong, err, late;
#define HB 4096 /* log-linear histogram, 1/64 resolution */
static uint64_t hist[HB];
static uint64_t maxlat;

static uint64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}
static int hb(uint64_t v)
{
	if (v < 64)
		return v;
	int s = 63 - __builtin_clzll(v) - 6;
	int i = s * 64 + (v >> s);
	return i < HB ? i : HB - 1;
}
static double hv(int i)
{
	if (i < 128)
		return i;
	int s = i / 64 - 1;
	return (double)((uint64_t)(i % 64 + 64) << s);
}
static double pct(double p)
{
	uint64_t n = 0, c = 0;
	for (int i = 0; i < HB; i++)
		n += hist[i];
	for (int i = 0; i < HB; i++)
		if ((c += hist[i]) >= p * n && c)
			return hv(i) / 1000;
	return 0;
}

static int encode(uint8_t *p, const char *name, char cls, int type)
{
	int o = 12;
	memset(p, 0, 12);
	p[2] = 1;
	p[5] = 1;
	if (cls == 'U') {
		p[o] = 12;
		memset(p + o + 1, 'a', 12);
		o += 13;
	}
	while (*name) {
		int n = strcspn(name, ".");
		if (!n)
			break;
		p[o++] = n;
		memcpy(p + o, name, n);
		o += n;
		name += n;
		if (*name == '.')
			name++;
	}
	p[o++] = 0;
	p[o++] = 0;
	p[o++] = type;
	p[o++] = 0;
	p[o++] = 1;
	return o;
}
static char classify(const uint8_t *p, int n) /* B, F, or E (error) */
{
	int rc = p[3] & 15;
	if (n < 12 || !(p[2] & 0x80))
		return 'E';
	if (rc == 3)
		return 'B';
	if (rc)
		return 'E';
	if (!(p[6] | p[7]))
		return 'B';
	int o = 12;
	while (o < n && p[o]) {
		if (p[o] > 63) {
			o++;
			break;
		}
		o += p[o] + 1;
	}
	o += 5;
	while (o < n && p[o] && p[o] < 64)
		o += p[o] + 1;
	o += o < n && p[o] >= 192 ? 2 : 1;
	if (o + 14 > n)
		return 'E';
	return p[o + 1] == 1 && !memcmp(p + o + 10, "\300\0\2\1", 4) ? 'F' : 'B';
}
static double proc_cpu(int pid)
{
	char f[64], b[1024];
	snprintf(f, 64, "/proc/%d/stat", pid);
	FILE *h = fopen(f, "r");
	if (!h)
		return 0;
	size_t n = fread(b, 1, 1023, h);
	fclose(h);
	b[n] = 0;
	char *s = strrchr(b, ')');
	unsigned long u = 0, k = 0;
	if (s)
		sscanf(s + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &u, &k);
	return (u + k) / (double)sysconf(_SC_CLK_TCK);
}
static void core(int c, double *busy, double *steal)
{
	FILE *h = fopen("/proc/stat", "r");
	char l[512], id[16];
	unsigned long v[8];
	snprintf(id, 16, "cpu%d ", c);
	*busy = *steal = 0;
	while (fgets(l, 512, h))
		if (!strncmp(l, id, strlen(id))) {
			sscanf(l + strlen(id), "%lu %lu %lu %lu %lu %lu %lu %lu", v, v + 1, v + 2, v + 3, v + 4, v + 5, v + 6,
			       v + 7);
			*busy = (v[0] + v[1] + v[2] + v[5] + v[6]) / 100.0;
			*steal = v[7] / 100.0;
		}
	fclose(h);
}

int main(int argc, char **argv)
{
	char *qf = NULL, *srv = NULL, *wait = NULL, want = 'B';
	double secs = 2, rate = 0;
	int win = 128, pid = 0, fresh = 0, o;
	long count = 0;
	while ((o = getopt(argc, argv, "q:s:t:w:r:p:n:W:x:u")) != -1)
		switch (o) {
		case 'q':
			qf = optarg;
			break;
		case 's':
			srv = optarg;
			break;
		case 't':
			secs = atof(optarg);
			break;
		case 'w':
			win = atoi(optarg);
			break;
		case 'r':
			rate = atof(optarg);
			break;
		case 'p':
			pid = atoi(optarg);
			break;
		case 'n':
			count = atol(optarg);
			break;
		case 'W':
			wait = optarg;
			break;
		case 'x':
			want = *optarg;
			break;
		case 'u':
			fresh = 1;
			break;
		default:
			return 2;
		}
	struct sockaddr_in a = {.sin_family = AF_INET};
	char *c = strchr(srv, ':');
	*c = 0;
	inet_pton(AF_INET, srv, &a.sin_addr);
	a.sin_port = htons(atoi(c + 1));
	prctl(PR_SET_TIMERSLACK, 1);
	int fd = socket(AF_INET, SOCK_DGRAM, 0), sz = 4 << 20;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &sz, sizeof sz);
	connect(fd, (void *)&a, sizeof a);
	uint8_t rb[B][1500];
	struct iovec ri[B], si[B];
	struct mmsghdr rm[B], sm[B];
	memset(rm, 0, sizeof rm);
	memset(sm, 0, sizeof sm);
	for (int i = 0; i < B; i++) {
		ri[i] = (struct iovec){rb[i], 1500};
		rm[i].msg_hdr.msg_iov = &ri[i];
		rm[i].msg_hdr.msg_iovlen = 1;
		sm[i].msg_hdr.msg_iov = &si[i];
		sm[i].msg_hdr.msg_iovlen = 1;
	}

	if (wait) {
		uint8_t p[300];
		int l = encode(p, wait, fresh ? 'U' : 'B', 1);
		uint64_t t0 = now();
		uint16_t id = 1;
		while (now() - t0 < secs * 1e9) {
			p[0] = id >> 8;
			p[1] = id;
			id++;
			if (fresh)
				for (uint64_t u = now(), i = 0; i < 12; i++, u >>= 5)
					p[13 + i] = "abcdefghijklmnopqrstuvwxyz012345"[u & 31];
			if (send(fd, p, l, 0) < 0) {
				recv(fd, rb[0], 1500, MSG_DONTWAIT);
			}
			struct pollfd f = {fd, POLLIN, 0};
			struct timespec ts = {0, 2000000};
			if (ppoll(&f, 1, &ts, NULL) > 0) {
				ssize_t n = recv(fd, rb[0], 1500, MSG_DONTWAIT);
				if (n > 12 && classify(rb[0], n) == want) {
					printf("%.1f\n", (now() - t0) / 1e6);
					return 0;
				}
				usleep(2000);
			}
		}
		printf("never\n");
		return 1;
	}
	FILE *h = fopen(qf, "r");
	char line[512];
	if (!h) {
		perror(qf);
		return 1;
	}
	while (fgets(line, 512, h)) {
		line[strcspn(line, "\n")] = 0;
		if (strlen(line) > 250)
			continue;
		if (!(nq & (nq - 1)))
			qs = realloc(qs, (nq ? nq * 2 : 1) * sizeof *qs);
		qs[nq].cls = line[0];
		qs[nq].len = encode(qs[nq].pkt, line + 2, line[0], 1);
		nq++;
	}
	fclose(h);
	uint64_t uniq = now() * 0x9E3779B97F4A7C15ull, t0 = now(), end = t0 + secs * 1e9, lastexp = t0, out = 0, nextid = 0;
	double gap = rate > 0 ? 1e9 / rate : 0, cpu0 = pid ? proc_cpu(pid) : 0, b0, s0, b1, s1, g0, g1, x;
	core(0, &b0, &s0);
	core(1, &g0, &x);
	long k = (uniq >> 33) % nq;
	if (count)
		k = 0;
	int stop = 0;
	uint64_t tstop = 0;
	for (;;) {
		uint64_t t = now();
		if (!stop && (t >= end || (count && (long)sent >= count))) {
			stop = 1;
			tstop = t;
		}
		if (stop && (out == 0 || t > tstop + 300000000ull))
			break;
		int n = 0;
		while (!stop && n < B && (!count || (long)(sent + n) < count)) {
			uint64_t due = t;
			if (rate > 0) {
				due = t0 + (uint64_t)((sent + n) * gap);
				if (due > t)
					break;
			} else if (out + n >= (uint64_t)win)
				break;
			uint16_t id = nextid++;
			if (slot[id].busy) {
				if (rate > 0) {
					lost++;
					out--;
					slot[id].busy = 0;
				} else {
					nextid--;
					break;
				}
			}
			struct q *q = &qs[k];
			if (++k == nq)
				k = 0;
			q->pkt[0] = id >> 8;
			q->pkt[1] = id;
			if (q->cls == 'U') {
				uint64_t u = uniq++;
				u *= 0xD6E8FEB86659FD93ull;
				for (int i = 0; i < 12; i++) {
					q->pkt[13 + i] = "abcdefghijklmnopqrstuvwxyz012345"[u & 31];
					u >>= 5;
				}
			}
			slot[id].t = due;
			slot[id].cls = q->cls == 'U' ? 'F' : q->cls;
			slot[id].busy = 1;
			si[n].iov_base = q->pkt;
			si[n].iov_len = q->len;
			n++;
		}
		if (n) {
			int d = 0;
			while (d < n) {
				int r = sendmmsg(fd, sm + d, n - d, 0);
				if (r > 0)
					d += r;
				else if (errno != ECONNREFUSED)
					usleep(10);
				else
					break;
			}
			sent += n;
			out += n;
		}
		int full = rate <= 0 && (n == 0 || n < B);
		int r;
		if (rate > 0 && !stop) {
			r = recvmmsg(fd, rm, B, MSG_DONTWAIT, NULL);
			if (r <= 0) {
				int64_t dt = (int64_t)(t0 + (uint64_t)(sent * gap)) - (int64_t)now();
				if (dt > 0) {
					struct pollfd f = {fd, POLLIN, 0};
					struct timespec ts = {dt / 1000000000, dt % 1000000000};
					ppoll(&f, 1, &ts, NULL);
				}
			}
		} else {
			r = recvmmsg(fd, rm, B, MSG_DONTWAIT, NULL);
			if (r <= 0 && (full || stop)) {
				struct pollfd f = {fd, POLLIN, 0};
				poll(&f, 1, 5);
				r = recvmmsg(fd, rm, B, MSG_DONTWAIT, NULL);
			}
		}
		t = now();
		for (int i = 0; i < r; i++) {
			uint8_t *p = rb[i];
			int id = p[0] << 8 | p[1];
			if (!slot[id].busy) {
				late++;
				continue;
			}
			slot[id].busy = 0;
			out--;
			char c2 = classify(p, rm[i].msg_len);
			uint64_t l = t - slot[id].t;
			if (c2 == 'E')
				err++;
			else if (c2 != slot[id].cls)
				wrong++;
			if (!stop || t < tstop + 1000000)
				answered++;
			hist[hb(l)]++;
			if (l > maxlat)
				maxlat = l;
		}
		if (rate <= 0 && t - lastexp > 50000000) { /* closed loop: give up after 500 ms */
			lastexp = t;
			for (int i = 0; i < 65536; i++)
				if (slot[i].busy && t - slot[i].t > 500000000ull) {
					slot[i].busy = 0;
					out--;
					lost++;
				}
		}
	}
	lost += out;
	double dt = ((tstop ? tstop : now()) - t0) / 1e9, cpu = pid ? proc_cpu(pid) - cpu0 : 0;
	core(0, &b1, &s1);
	core(1, &g1, &x);
	printf("qps=%.0f cpu_us=%.2f core0_us=%.2f sent=%lu lost=%lu wrong=%lu err=%lu p50=%.0f p99=%.0f p999=%.0f max=%.0f "
	       "srvcpu=%.0f%% core0=%.0f%% core1=%.0f%% steal=%.2f\n",
	       answered / dt, answered ? cpu * 1e6 / answered : 0, answered ? (b1 - b0) * 1e6 / answered : 0, sent, lost, wrong,
	       err, pct(.5), pct(.99), pct(.999), maxlat / 1000.0, 100 * cpu / dt, 100 * (b1 - b0) / dt, 100 * (g1 - g0) / dt,
	       s1 - s0);
	return 0;
}
