# expect: verdict=ok
# Implements Roman numerals and runs their unit tests in the same process.
# stdout: running the tests
import sys
import unittest

NUMERALS = [(1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"),
            (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")]


def to_roman(n: int) -> str:
    if not 0 < n < 4000:
        raise ValueError(f"out of range: {n}")
    out = []
    for value, numeral in NUMERALS:
        repeat, n = divmod(n, value)
        out.append(numeral * repeat)
    return "".join(out)


def from_roman(text: str) -> int:
    values = dict((numeral, value) for value, numeral in NUMERALS)
    pairs = zip(text, text[1:] + " ")
    return sum(-values[a] if values[a] < values.get(b, 0) else values[a] for a, b in pairs)


class RomanTest(unittest.TestCase):
    def test_known_values(self):
        for n, text in [(1, "I"), (4, "IV"), (1990, "MCMXC"), (2024, "MMXXIV"), (3999, "MMMCMXCIX")]:
            with self.subTest(n=n):
                self.assertEqual(to_roman(n), text)

    def test_round_trip(self):
        self.assertTrue(all(from_roman(to_roman(n)) == n for n in range(1, 400)))

    def test_out_of_range(self):
        for n in (0, -1, 4000):
            self.assertRaises(ValueError, to_roman, n)

    @unittest.skip("fractions are not supported yet")
    def test_fractions(self):
        self.assertEqual(to_roman(0.5), "S")


print("running the tests", flush=True)
if __name__ == "__main__":
    program = unittest.main(argv=["roman"], exit=False, verbosity=2)
    result = program.result
    print(f"{result.testsRun} run, {len(result.failures)} failed, {len(result.skipped)} skipped")
    if not result.wasSuccessful():
        sys.exit(1)
