"""A server with the interface of AWS, which others wrote (moto), on a free port of the loopback address.

Each line of standard input is a call of boto3, `{"service": …, "operation": …, "arguments": {…}}`; bytes are
`{"bytes": BASE64}`. `{"service": "moto", "arguments": {"checked": …}}` says whether signatures and policies are
looked at from now on, which they are not at first. Each line of standard output is one of `{"port": …}`, the `{"operation": …}` of a request as it
comes in, and the `{"result": …}` or the `{"error": …}` of a call. Ends when standard input does.
"""

import base64
import fnmatch
import json
import sys
import threading

import boto3
from botocore.exceptions import ClientError
from moto import settings
from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionAuthenticatorMixin
from moto.iam.access_control import IAMPolicyStatement, IAMRequest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.secretsmanager.responses import SecretsManagerResponse
from werkzeug.serving import WSGIRequestHandler, make_server

LOCK = threading.Lock()


def say(**line):
    with LOCK:
        print(json.dumps(line, default=str), flush=True)


class Silent(WSGIRequestHandler):
    """Prints nothing on its own."""

    protocol_version = "HTTP/1.1"

    def log(self, *_):
        pass


def logged(application):
    def answer(environ, start_response):
        # Calls from here say so.
        if "boto3" not in environ.get("HTTP_USER_AGENT", "").lower():
            say(operation=environ.get("HTTP_X_AMZ_TARGET", "").rsplit(".", 1)[-1])
        return application(environ, start_response)

    return answer


def resource(request):
    """What a policy has to name: moto takes every secret for `*`."""
    name = request._get_param("SecretId")
    secrets = request.backend.secrets
    return secrets[name].arn if name and name in secrets else "*"


def matches(pattern, text):
    """The wildcards of policies, of which moto knows one: `*` and `?`."""
    return fnmatch.fnmatchcase(text, pattern) or None


def refusal(code, message):
    """An error in JSON, as services with that protocol send it: moto has XML here."""

    def refuse(request, *_):
        raise JsonRESTError(code, message.format(request._action))

    return refuse


SecretsManagerResponse._determine_resource = resource
IAMPolicyStatement._match = staticmethod(matches)
IAMRequest._raise_access_denied = refusal("AccessDeniedException", "not authorized to perform: {}")
IAMRequest._raise_signature_does_not_match = refusal(
    "InvalidSignatureException", "The request signature we calculated does not match"
)
IAMRequest._raise_invalid_access_key = refusal("UnrecognizedClientException", "The security token is invalid")


def decoded(pairs):
    return base64.b64decode(pairs["bytes"]) if list(pairs) == ["bytes"] else pairs


def main():
    server = make_server(
        "127.0.0.1",
        0,
        logged(DomainDispatcherApplication(create_backend_app)),
        threaded=True,
        request_handler=Silent,
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    say(port=server.server_port)
    for line in sys.stdin:
        call = json.loads(line, object_hook=decoded)
        if call["service"] == "moto":
            check = call["arguments"].get("checked")
            if check is not None:
                settings.INITIAL_NO_AUTH_ACTION_COUNT = 0.0 if check else float("inf")
                ActionAuthenticatorMixin.request_count = 0
            say(result={})
            continue
        client = boto3.client(
            call["service"],
            endpoint_url=f"http://127.0.0.1:{server.server_port}",
            region_name=call.get("region", "us-east-1"),
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        try:
            result = getattr(client, call["operation"])(**call["arguments"])
            result.pop("ResponseMetadata", None)
            say(result=result)
        except ClientError as error:
            say(error=error.response["Error"]["Code"])


if __name__ == "__main__":
    main()
