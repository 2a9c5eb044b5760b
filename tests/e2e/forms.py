# SPDX-License-Identifier: Apache-2.0
"""tests/e2e/forms.py: what a value is besides its text, and await where a notebook has it."""
import base64
import json

from tests.e2e.serve import ServeTest

DRAW = "import matplotlib\nmatplotlib.use('agg')\nimport matplotlib.pyplot as plt\n"


class Forms(ServeTest):
    def test_of_a_value_stand_beside_its_text(self):
        daemon = self.serve(workers=1)
        code = ("class Table:\n    def _repr_html_(self): return '<table>'\n    def __repr__(self): return 'T'\n"
                "Table()")
        for stream in False, True:
            answer = self.execute(code, stream=stream).body.decode().splitlines()[-1]
            self.assertEqual(json.loads(answer)["result"],
                             {"text": "T", "json": None, "mime": {"text/html": "<table>"}})
        self.assertEqual(self.execute("6*7").json["result"], {"text": "42", "json": 42})
        self.end(daemon)

    def test_of_a_drawing_are_a_picture(self):
        daemon = self.serve("--imports", "matplotlib.pyplot", workers=1)
        for code in (DRAW + "plt.plot([1, 2, 3])", DRAW + "plt.plot([1, 2, 3])\nplt.title('x')\nNone",
                     "from matplotlib.figure import Figure\nf = Figure()\nf.subplots().plot([1, 2])\nf"):
            result = self.execute(code, limits={"timeout": 60}).json["result"]
            picture = base64.b64decode(result["mime"]["image/png"], validate=True)
            self.assertEqual(picture[:8], b"\x89PNG\r\n\x1a\n")
            self.assertEqual(picture[-8:-4], b"IEND")
        # Nothing is drawn: there is no picture.
        self.assertEqual(self.execute(DRAW + "plt.get_fignums()").json["result"],
                         {"text": "[]", "json": []})
        self.end(daemon)

    def test_a_program_may_await(self):
        daemon = self.serve(workers=1)
        code = ("import asyncio\nasync def square(n):\n    await asyncio.sleep(0)\n    return n * n\n"
                "print(await square(3))\n[await square(n) for n in range(3)]")
        for _ in range(3):
            document = self.execute(code).json
            self.assertEqual((document["stdout"], document["result"]["json"]), ("9\n", [0, 1, 4]))
        self.end(daemon)
