"""The documents from which browser SDKs start: they name the channel's key and where to send (W-09)."""

from typing import Any

from cdp_core.domain.channels import Channel
from cdp_core.wire.http import Request


def segment_settings(request: Request, write_key: str, channel: Channel) -> dict[str, Any]:
    """What analytics-next needs to start, and under `kxt` what the kxt script needs. Nobody else gets the events."""
    protocol, host = request.address
    target = {"apiKey": write_key, "apiHost": f"{host}/v1", "protocol": protocol, "unbundledIntegrations": []}
    return {
        "integrations": {"Segment.io": {**target, "addBundledMetadata": False, "maybeBundledConfigIds": {}}},
        "plan": {"track": {"__default": {"enabled": True}}, "identify": {"__default": {"enabled": True}}},
        "edgeFunction": {},
        "middlewareSettings": {},
        "enabledMiddleware": {},
        "remotePlugins": [],
        "analyticsNextEnabled": True,
        "legacyVideoPluginsEnabled": False,
        "metrics": {"sampleRate": 0},
        "kxt": {
            "channel": channel.code_name,
            "cookie_level": channel.cookie_level,
            "consent_gate": channel.consent_gate,
            "tracking_consent": channel.tracking_consent,
        },
    }


def rudder_source(write_key: str, channel: Channel) -> dict[str, Any]:
    """What RudderStack's browser SDK needs to start: a source without destinations, and no figures about itself."""
    silent = {"errors": {"enabled": False}, "metrics": {"enabled": False}}
    return {
        "source": {
            "id": channel.code_name,
            "name": channel.name,
            "writeKey": write_key,
            "enabled": channel.enabled,
            "workspaceId": "cdp",
            "config": {"statsCollection": silent},
            "destinations": [],
            "dataplanes": {},
        },
        "updatedAt": "2026-01-01T00:00:00.000Z",
    }
