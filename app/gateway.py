"""`python -m app.gateway PORT`: the sandbox gateway, which moves no money. Demo and development only.

Surprise: `remit gateway` becomes this process, as `remit web` does: alone it is up in half the time.
"""

import sys

import uvicorn

from app.settings import Settings, UnsafeSettings
from integrations.gateways.sandbox.accounts import Platform
from integrations.gateways.sandbox.app import create_app

WEBHOOK_PATH = "/webhooks/sandbox"


def platform(settings: Settings) -> Platform:
    """What both ends of the sandbox gateway agree on."""
    return Platform(
        root_secret=settings.gateway_api_secret.get_secret_value(),
        secrets=tuple(secret.get_secret_value() for secret in settings.gateway_webhook_secrets),
        webhook_url=settings.public_url.rstrip("/") + WEBHOOK_PATH,
    )


def serve(port: int) -> None:
    """Answer on loopback. Refuses production."""
    try:
        settings = Settings()
    except UnsafeSettings as unsafe:
        raise SystemExit(f"Remit does not start: {unsafe}") from None
    if settings.mode == "production":
        raise SystemExit("The sandbox gateway never runs in production: set REMIT_MODE=demo.")
    settings.folder.mkdir(parents=True, exist_ok=True)
    application = create_app(
        settings.folder / "gateway.sqlite", accounts=platform(settings), public_url=settings.gateway_url
    )
    uvicorn.run(application, host="127.0.0.1", port=port, log_level="warning", server_header=False)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
