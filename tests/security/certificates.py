"""A certificate authority of the tests' own, and what it signs."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from testbed.servers import ServerUnavailableError


@dataclass(frozen=True)
class Certificate:
    """The files of a certificate and its key."""

    certificate: Path
    key: Path


class Authority:
    """Signs certificates for this machine and for clients; `certificate` is what to trust."""

    def __init__(self, folder: Path) -> None:
        if not shutil.which("openssl"):
            raise ServerUnavailableError("no openssl is installed, to make certificates with")
        self._folder = folder
        # Python 3.13 refuses an authority that does not say what its key is for.
        usage = "keyUsage=critical,keyCertSign,cRLSign"
        own = self._request("authority", "/CN=tests", "-x509", "-days", "2", "-addext", usage)
        self.certificate = own.certificate
        self._key = own.key

    def sign(self, name: str) -> Certificate:
        """Return a certificate of `localhost`, for servers and clients alike."""
        return self._request(
            name,
            "/CN=localhost",
            *("-x509", "-days", "2", "-CA", str(self.certificate), "-CAkey", str(self._key)),
            *("-addext", "subjectAltName=DNS:localhost"),
            *("-addext", "basicConstraints=critical,CA:FALSE"),
            *("-addext", "keyUsage=critical,digitalSignature,keyEncipherment"),
        )

    def _request(self, name: str, subject: str, *options: str) -> Certificate:
        made = Certificate(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        subprocess.run(
            [
                *("openssl", "req", "-newkey", "rsa:2048", "-noenc", "-subj", subject, *options),
                *("-keyout", str(made.key), "-out", str(made.certificate)),
            ],
            check=True,
            capture_output=True,
        )
        return made
