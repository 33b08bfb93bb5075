"""A server with the interface of AWS, which others wrote (moto), on a free port of the loopback address.

Each line of standard input is a call of boto3, `{"service": …, "operation": …, "arguments": {…}}`; bytes are
`{"bytes": BASE64}`. Each line of standard output is one of `{"port": …}`, the `{"operation": …}` of a request as it
comes in, and the `{"result": …}` or the `{"error": …}` of a call. Ends when standard input does.
"""

import base64
import json
import sys
import threading

import boto3
from botocore.exceptions import ClientError
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
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
