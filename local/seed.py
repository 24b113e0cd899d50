"""The keys of the local stack. They are known to everybody, and exist only where `local/` put them."""

from collections.abc import Mapping
from typing import Any

from localstack_client.session import Session

from cdp_core.tables.channels import Channel, save_channel, save_write_key
from local.settings import REGION

WRITE_KEY = "local-write-key"
SECRET_KEY = "local-secret-key"
ADMIN_KEY = "local-admin-key"


def seed(names: Mapping[str, str]) -> None:
    """Makes sure that the local channels, write keys and admin key exist. The process's settings name the tables."""
    save_channel(Channel(code_name="website", name="Website", type="website"))
    save_channel(Channel(code_name="server", name="Server", type="server"))
    save_write_key(WRITE_KEY, channel="website", secret=False)
    save_write_key(SECRET_KEY, channel="server", secret=True)
    _set_secret(Session(region_name=REGION).client("secretsmanager"), names["AdminKeySecret"], ADMIN_KEY)


def _set_secret(secrets: Any, name: str, value: str) -> None:
    if secrets.get_secret_value(SecretId=name)["SecretString"] != value:
        secrets.put_secret_value(SecretId=name, SecretString=value)
