"""Routes of exports: everything held on a person, and lists as files."""

from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

router = APIGatewayHttpRouter()
