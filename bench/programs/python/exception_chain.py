# expect: verdict=error name=ValueError
# Loads a broken configuration and raises a ValueError that has a KeyError as its cause.
# stdout: loading profile 'default'
PROFILES = {"default": {"host": "db.internal", "port": "5432"}, "staging": {"host": "db.staging"}}


class Settings:
    def __init__(self, host: str, port: int):
        self.host, self.port = host, port

    def __repr__(self):
        return f"Settings({self.host}:{self.port})"


def load(profile: str) -> Settings:
    print(f"loading profile {profile!r}")
    raw = PROFILES[profile]
    try:
        return Settings(raw["host"], int(raw["port"]))
    except KeyError as missing:
        raise ValueError(f"profile {profile!r} is incomplete") from missing


print(load("default"))
try:
    load("production")
except KeyError as e:
    print("no such profile:", e)

print(load("staging"))
