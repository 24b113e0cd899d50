"""Routes of Segment's Profile API (P-01 to P-06), for tools that know it."""

from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

router = APIGatewayHttpRouter()
