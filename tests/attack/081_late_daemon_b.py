# SPDX-License-Identifier: Apache-2.0
# Waits long enough for the other's process to have written, had it lived.
# expect: verdict=ok stdout=held
# stops: namespaces (pid), daemon
# proof: see 081 a
time.sleep(0.1)
expect(os.listdir("/tmp") == [], f"/tmp holds {os.listdir('/tmp')}")
held()
