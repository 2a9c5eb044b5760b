# SPDX-License-Identifier: Apache-2.0
# Twins of one template must not draw the same numbers, nor those of a known state.
# expect: verdict=ok stdout=held unlike
# stops: daemon
# proof: the two runs are compared
import random
import secrets
import tempfile
import uuid

drawn = [random.random(), random.gauss(0, 1), uuid.uuid4().hex, secrets.token_hex(8),
         os.urandom(8).hex(), tempfile.mktemp(), random.SystemRandom().random(), uuid.uuid1().hex]
print(*drawn, sep="\n")
random.seed(1)
expect(drawn[0] != random.random(), "the seed of another execution")
held()
