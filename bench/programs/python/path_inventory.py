# expect: verdict=ok
# Builds a small project tree in the working directory with pathlib, lists, edits and removes it.
# stdout: created 6 files
from pathlib import Path
import os
import shutil

root = Path.cwd() / "demo_project"
layout = {
    "README.md": "# Demo\n\nA tiny project.\n",
    "src/app.py": "import utils\n\nprint(utils.double(21))\n",
    "src/utils.py": "def double(x):\n    return 2 * x\n",
    "tests/test_app.py": "def test_ok():\n    assert True\n",
    "data/input.csv": "a,b\n1,2\n3,4\n",
    "data/raw/notes.txt": "naïve café\n",
}

for name, content in layout.items():
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
print("created", len(layout), "files")

for path in sorted(root.rglob("*")):
    depth = len(path.relative_to(root).parts) - 1
    kind = "/" if path.is_dir() else f"  ({path.stat().st_size} bytes)"
    print("  " * depth + path.name + kind)

print("python files:", sorted(p.name for p in root.glob("**/*.py")))
print("lines of code:", sum(len(p.read_text().splitlines()) for p in root.rglob("*.py")))

readme = root / "README.md"
readme.rename(readme.with_suffix(".txt"))
(root / "latest").symlink_to("data/input.csv")
print("link says:", (root / "latest").read_text().splitlines()[-1], "->", os.readlink(root / "latest"))
(root / "src" / "app.py").chmod(0o755)
print("executable:", os.access(root / "src" / "app.py", os.X_OK))

try:
    (root / "missing.txt").read_text()
except FileNotFoundError as e:
    print("not found:", Path(e.filename).name)

shutil.rmtree(root)
print("removed:", not root.exists())
