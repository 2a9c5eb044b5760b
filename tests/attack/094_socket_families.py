# SPDX-License-Identifier: Apache-2.0
# Every family of sockets but the one that is allowed.
# expect: verdict=ok stdout=held
# stops: seccomp, namespaces (net), ids (capabilities)
# proof: control gets through: family 2 type 1, family 10 type 2, family 16 type 3, family 17 type 3
FAMILIES = [family for family in range(64) if family != 1]
for family in FAMILIES:
    for kind in (1, 2, 3, 5, 10):
        refused("socket", family, kind, 0, by=EAFNOSUPPORT, what=f"family {family} type {kind}",
                harmless=family in (2, 10, 16, 17))
    refused("socketpair", family, 1, 0, (ctypes.c_int * 2)(), by=EAFNOSUPPORT,
            what=f"a pair of family {family}", harmless=False)
for protocol in range(0, 32):
    refused("socket", 16, 3, protocol, by=EAFNOSUPPORT, what=f"netlink {protocol}", harmless=False)
held()
