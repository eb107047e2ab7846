/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/cond.h"

#include <string.h>

#include "policy/cond_bytes.h"

/* Verifying. Order is strict, so that one condition has one form. */

static bool verify_types(struct rd *r, size_t *total)
{
	size_t count = rd_u8(r);
	uint32_t last = 0;
	for (size_t i = 0; i < count; i++) {
		uint32_t type = rd_u16(r);
		if (!rd_ok(r) || (i > 0 && type <= last))
			return false;
		last = type;
	}
	*total += count;
	return rd_ok(r) && count <= COND_TYPES_MAX;
}

static bool client_is_sound(const uint8_t client[CLIENT_LEN])
{
	unsigned bits = client[ADDRESS_LEN];
	return bits <= 8 * ADDRESS_LEN && addr_bits_are_zero(client, bits, 8 * ADDRESS_LEN);
}

static bool verify_clients(struct rd *r, size_t *total)
{
	size_t count = rd_u16(r);
	const uint8_t *last = NULL;
	for (size_t i = 0; i < count; i++) {
		const uint8_t *client = rd_bytes(r, CLIENT_LEN);
		if (client == NULL || !client_is_sound(client) || (last != NULL && memcmp(last, client, CLIENT_LEN) >= 0))
			return false;
		last = client;
	}
	*total += count;
	return rd_ok(r) && count <= COND_CLIENTS_MAX;
}

static bool name_is_sound(const uint8_t *wire, size_t len)
{
	struct name name, folded;
	if (!name_from_wire(wire, len, &name))
		return false;
	folded = name;
	name_fold(&folded);
	return name_eq(&name, &folded);
}

static bool verify_names(struct rd *r, size_t *total)
{
	size_t count = rd_u16(r), last_len = 0;
	const uint8_t *last = NULL;
	for (size_t i = 0; i < count; i++) {
		size_t len = rd_u8(r);
		const uint8_t *wire = rd_bytes(r, len);
		if (wire == NULL || !name_is_sound(wire, len))
			return false;
		if (last != NULL && (len < last_len || (len == last_len && memcmp(last, wire, len) >= 0)))
			return false;
		last = wire;
		last_len = len;
	}
	*total += count;
	return rd_ok(r) && count <= COND_NAMES_MAX;
}

bool cond_verify(struct str bytes)
{
	if (bytes.len == 0)
		return true;
	struct rd r = rd_init(bytes.ptr, bytes.len);
	size_t total = 0;
	bool good = verify_types(&r, &total);
	good = good && verify_types(&r, &total);
	good = good && verify_clients(&r, &total);
	good = good && verify_clients(&r, &total);
	return good && verify_names(&r, &total) && rd_left(&r) == 0 && total > 0;
}

/* Testing. Each group is read to its end, whatever it holds: the next one begins there. */

static bool types_hold(struct rd *r, uint16_t type, size_t *ret_count)
{
	bool found = false;
	*ret_count = rd_u8(r);
	for (size_t i = 0; i < *ret_count; i++)
		found |= rd_u16(r) == type;
	return found;
}

/* A v6 prefix of fewer bits than the mapping has does not speak of v4, though the bits would agree (::/0). */
static bool client_holds(const uint8_t client[CLIENT_LEN], const uint8_t address[ADDRESS_LEN], bool v4)
{
	unsigned bits = client[ADDRESS_LEN];
	return (!v4 || bits >= ADDR_WIDE_V4_BITS) && addr_bits_agree(client, address, bits);
}

static bool clients_hold(struct rd *r, const uint8_t address[ADDRESS_LEN], bool v4, size_t *ret_count)
{
	bool found = false;
	*ret_count = rd_u16(r);
	for (size_t i = 0; i < *ret_count; i++) {
		const uint8_t *client = rd_bytes(r, CLIENT_LEN);
		if (client == NULL)
			return false;
		found = found || client_holds(client, address, v4);
	}
	return found;
}

static bool names_hold(struct rd *r, const struct name *name)
{
	uint8_t offsets[NAME_LABELS_MAX + 1];
	bool begins[NAME_LEN_MAX] = {false}; /* a label, or the root */
	size_t labels = name_offsets(name, offsets), count = rd_u16(r);
	for (size_t i = 0; i < labels; i++)
		begins[offsets[i]] = true;
	for (size_t i = 0; i < count; i++) {
		size_t len = rd_u8(r);
		const uint8_t *wire = rd_bytes(r, len);
		if (wire == NULL)
			return false;
		if (len <= name->len && begins[name->len - len] && memcmp(name->wire + (name->len - len), wire, len) == 0)
			return true;
	}
	return false;
}

/* As sixteen octets; false when there is none to speak of. */
static bool client_bytes(const struct addr *client, uint8_t ret[ADDRESS_LEN], bool *ret_v4)
{
	if (client == NULL || (client->sa.sa_family != AF_INET && client->sa.sa_family != AF_INET6))
		return false;
	addr_to_wide(client, ret);
	*ret_v4 = addr_wide_is_v4(ret);
	return true;
}

enum cond_failure cond_test(struct str bytes, const struct name *name, uint16_t type, const struct addr *client)
{
	if (bytes.len == 0)
		return COND_HOLDS;
	struct rd r = rd_init(bytes.ptr, bytes.len);
	uint8_t address[ADDRESS_LEN] = {0};
	bool v4 = false, known = client_bytes(client, address, &v4);
	size_t only = 0, never = 0;

	bool is_type = types_hold(&r, type, &only);
	bool is_not_type = types_hold(&r, type, &never);
	if (is_not_type || (only > 0 && !is_type))
		return COND_TYPE;

	bool is_client = clients_hold(&r, address, v4, &only);
	bool is_not_client = clients_hold(&r, address, v4, &never);
	if (only + never > 0 && (!known || is_not_client || (only > 0 && !is_client)))
		return COND_CLIENT;

	return names_hold(&r, name) ? COND_NAME : COND_HOLDS;
}
