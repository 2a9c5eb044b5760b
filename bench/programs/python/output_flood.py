# expect: verdict=limit:output limits=output:256K
# Prints progress lines without end, as fast as it can.
# stdout: step 0: loss=1.000000 ................................................
step = 0
while True:
    print(f"step {step}: loss={1 / (step + 1):.6f}", "." * 48)
    step += 1
