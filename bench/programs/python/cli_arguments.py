# expect: verdict=ok
# A command line tool with argparse, run with its defaults and with arguments given in code.
# stdout: Hello, world!
"""Greeter CLI."""
import argparse
import sys


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="greeter", description="Greets people politely.")
    parser.add_argument("names", nargs="*", default=["world"], help="who to greet")
    parser.add_argument("--times", type=int, default=1, metavar="N", help="how many times")
    parser.add_argument("--style", choices=["plain", "loud"], default="plain")
    parser.add_argument("-v", "--verbose", action="store_true")
    return parser


def greet(args: argparse.Namespace) -> None:
    for _ in range(args.times):
        for name in args.names:
            line = f"Hello, {name}!"
            print(line.upper() if args.style == "loud" else line)


def main() -> int:
    parser = build_parser()
    greet(parser.parse_args([]))
    greet(parser.parse_args(["Ada", "Grace", "--times", "2", "--style", "loud"]))

    try:
        parser.parse_args(["--times", "many"])
    except SystemExit as stop:
        print("parser refused, status", stop.code, file=sys.stderr)

    print(parser.format_help())
    return 0


if __name__ == "__main__":
    print("finished with", main())
