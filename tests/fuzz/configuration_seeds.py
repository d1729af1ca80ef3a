# SPDX-License-Identifier: Apache-2.0
"""Seeds for the configuration target: the shipped example, and networks as REST takes them.

    configuration_seeds.py OUT     writes OUT/configuration/NAME
"""
import json
import pathlib
import sys

EXAMPLE = pathlib.Path(__file__).parents[2] / "config/slipway.toml"
ATTACHED = {"subnet": "10.77.0.0/24", "pools": ["10.77.0.100-10.77.0.199"], "router": "10.77.0.254",
            "dns": ["10.77.0.2"], "domain": "slipway.test", "unknown_machines": "boot_only",
            "reservation": [{"mac": "52:54:00:00:00:01", "address": "10.77.0.20"}],
            "option": [{"code": 42, "addresses": ["10.77.0.3"]}, {"code": 150, "hex": "0a:4d"}]}
RELAYED = {"subnet": "10.88.0.0/16", "relayed": True, "pools": ["10.88.1.0-10.88.9.255"],
           "lease_time": "12h", "route": [{"destination": "10.0.0.0/8", "via": "10.88.0.1"}],
           "reservation": [{"client_id": "01:52:54", "address": "10.88.0.20"}]}


def main():
    folder = pathlib.Path(sys.argv[1]) / "configuration"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "example").write_bytes(EXAMPLE.read_bytes())
    (folder / "attached").write_text(json.dumps(ATTACHED), encoding="utf-8")
    (folder / "relayed").write_text(json.dumps(RELAYED), encoding="utf-8")


if __name__ == "__main__":
    main()
