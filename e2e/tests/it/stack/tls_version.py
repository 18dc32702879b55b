"""Speaks TLS of one version and no other, however old. Prints the version that was agreed on, or what the other side said to it.

    tls_version.py ADDRESS HOST VERSION
"""

import socket
import ssl
import sys
import warnings

warnings.simplefilter("ignore", DeprecationWarning)


def main(address: str, host: str, version: str) -> None:
    settings = ssl.create_default_context()
    # Whom it speaks to is another test's.
    settings.check_hostname = False
    settings.verify_mode = ssl.CERT_NONE
    # What is old is off by default here too.
    settings.set_ciphers("ALL:@SECLEVEL=0")
    settings.minimum_version = settings.maximum_version = ssl.TLSVersion[version]
    with socket.create_connection((address, 443), timeout=10) as stream:
        try:
            with settings.wrap_socket(stream, server_hostname=host) as spoken:
                print(spoken.version())
        except ssl.SSLError as error:
            print(str(error).replace("_", " ").lower())


main(*sys.argv[1:])
