"""Deliver a notice: as JSON to a webhook, signed where there is a secret, and by e-mail."""

from __future__ import annotations

import hashlib
import hmac
import json
import smtplib
import ssl
import urllib.request
from collections.abc import Mapping
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from service.settings import Settings

SIGNATURE_HEADER = "X-Flukeprint-Signature"
_TIMEOUT_SECONDS = 10.0


def post_notice(settings: Settings, notice: Mapping[str, object]) -> None:
    """Post a notice to the webhook. Raises OSError or HTTPException where it isn't taken.

    The signature is `sha256=` and the HMAC-SHA256 of the body with the secret, in hex.
    """
    assert settings.notice_url is not None
    body = json.dumps(notice, separators=(",", ":")).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "flukeprint"}
    if settings.notice_secret:
        signed = hmac.new(settings.notice_secret.encode(), body, hashlib.sha256).hexdigest()
        headers[SIGNATURE_HEADER] = f"sha256={signed}"
    request = urllib.request.Request(settings.notice_url, body, headers, method="POST")
    with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS):
        pass


def mail_notice(settings: Settings, notice: Mapping[str, object]) -> None:
    """Send a notice by e-mail. Raises OSError where it isn't taken."""
    assert settings.notice_email is not None
    server = urlsplit(settings.notice_smtp)
    message = EmailMessage()
    message["Subject"] = f"{notice['individual']} was seen again"
    message["From"] = settings.notice_from
    message["To"] = settings.notice_email
    message.set_content(f"{notice['text']}\n")
    with _mail_server(server.scheme, server.hostname or "localhost", server.port or 0) as smtp:
        if server.scheme != "smtps" and server.username:
            smtp.starttls(context=ssl.create_default_context())
        if server.username:
            smtp.login(unquote(server.username), unquote(server.password or ""))
        smtp.send_message(message)


def _mail_server(scheme: str, host: str, port: int) -> smtplib.SMTP:
    if scheme != "smtps":
        return smtplib.SMTP(host, port, timeout=_TIMEOUT_SECONDS)
    # Without a context of ours smtplib checks no certificate.
    context = ssl.create_default_context()
    return smtplib.SMTP_SSL(host, port, timeout=_TIMEOUT_SECONDS, context=context)
