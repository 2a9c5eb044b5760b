# expect: verdict=ok
# Merges INI settings with overrides (configparser) and logs each step to stderr.
# stdout: [server] host=0.0.0.0 port=9090 debug=False
import configparser
import logging
import sys

DEFAULTS = """
[DEFAULT]
base = /srv/app
[server]
host = 127.0.0.1
port = 8080
debug = no
[paths]
data = %(base)s/data
logs = %(base)s/logs
[limits]
timeout = 2.5
retries = 3
"""

OVERRIDES = """
[server]
host = 0.0.0.0
port = 9090
[limits]
retries = many
"""

logging.basicConfig(
    stream=sys.stderr, level=logging.DEBUG,
    format="%(levelname)-8s %(name)s: %(message)s",
)
log = logging.getLogger("config")

config = configparser.ConfigParser()
config.read_string(DEFAULTS)
log.info("defaults loaded: %s", ", ".join(config.sections()))
config.read_string(OVERRIDES)
log.info("overrides applied")

server = config["server"]
print(f"[server] host={server['host']} port={server.getint('port')} debug={server.getboolean('debug')}")
print("[paths]", dict(config["paths"]))

try:
    retries = config.getint("limits", "retries")
except ValueError:
    log.exception("retries is not a number, falling back to 1")
    retries = 1
print("[limits]", config.getfloat("limits", "timeout"), retries)

log.debug("looking for an optional section")
print("cache:", config.get("cache", "size", fallback="off"))
log.warning("configuration has %d problem", 1)
