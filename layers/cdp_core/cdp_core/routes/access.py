"""Routes of admin keys, the audit log, and who is asking."""

from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

router = APIGatewayHttpRouter()
