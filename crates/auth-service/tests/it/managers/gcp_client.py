"""Google's own client of Secret Manager against the double: what it reads, and what it is refused by."""

import json
import sys

import google_crc32c
from google.auth.exceptions import RefreshError
from google.api_core.exceptions import GoogleAPICallError
from google.cloud import secretmanager_v1
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (
    SecretManagerServiceRestTransport,
)
from google.oauth2.credentials import Credentials

address, token = sys.argv[1:]


def client(token):
    transport = SecretManagerServiceRestTransport(
        host=address, url_scheme="http", credentials=Credentials(token)
    )
    return secretmanager_v1.SecretManagerServiceClient(transport=transport)


def refusal(token, name):
    try:
        client(token).access_secret_version(name=name)
    except (GoogleAPICallError, RefreshError) as error:
        return type(error).__name__
    return "none"


whole = "projects/keyward/secrets/encryption/versions/latest"
answer = client(token).access_secret_version(name=whole)
checksum = google_crc32c.value(answer.payload.data)
told = {
    "name": answer.name,
    "value": answer.payload.data.decode(),
    "whole": answer.payload.data_crc32c == checksum,
    "refusals": [
        refusal(token, whole.replace("projects/keyward", "projects/other")),
        refusal(token, whole.replace("encryption", "nothing")),
        refusal("another", whole),
    ],
}
print(json.dumps(told))
