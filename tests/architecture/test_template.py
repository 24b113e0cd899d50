"""The template checklist, item by item, on the template as CloudFormation will see it.

Not built yet, so not asserted:

| Item | What is missing |
|---|---|
| 1 | authorizers of API Gateway: keys, tokens and scopes are checked in the function (docs/decisions/2026-11-24-access.md) |
| 2 | rates of single routes: the stage's rate holds for each of them |
| 3 | custom domain, CloudFront and WAF |
| 7, 8, 11 | code signing and customer-managed keys |
| 10 | an event bus and its policy |
| 12 | Cognito: there is no console |
| alarms | jobs without progress, erasure deadline, invariant checker, cost |
"""

import json
from functools import cache
from typing import Any

import pytest
from samtranslator.translator.managed_policy_translator import ManagedPolicyLoader
from samtranslator.translator.transform import transform

from tests.double.stack import template

FUNCTIONS = ("TrackFunction", "FlushFunction", "ProfilesApiFunction")
TABLES = ("ProfilesTable", "ActivitiesTable")
_TABLE_ARN = "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/"
PROFILES = {  # the stack's own table, or the restored one that took its place
    "Fn::If": [
        "HasRestoredProfiles",
        {"Fn::Sub": _TABLE_ARN + "${RestoredProfilesTable}"},
        {"Fn::GetAtt": ["ProfilesTable", "Arn"]},
    ]
}
QUEUES = ("EventQueue", "EventDeadLetterQueue", "ScheduleDeadLetterQueue")


def _long(value: Any) -> Any:
    """CloudFormation's functions in their long form, as the translator wants them."""
    if isinstance(value, list):
        return [_long(one) for one in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((name, inner),) = value.items()
        if name in ("Sub", "Join", "If", "Equals", "Not"):
            return {f"Fn::{name}": _long(inner)}
        if name == "GetAtt":
            return {"Fn::GetAtt": inner.split(".", 1)}
    return {name: _long(inner) for name, inner in value.items()}


class _NoPolicies(ManagedPolicyLoader):
    def __init__(self) -> None:
        """No managed policy is used, so none is looked up."""
        super().__init__(None)
        self._policy_map = {}

    def load(self) -> dict[str, str]:
        """Nothing."""
        return {}


@cache
def resources() -> dict[str, Any]:
    """The translated template's resources."""
    import os
    from unittest import mock

    source = _long(template())
    for one in source["Resources"].values():
        for folder in {"CodeUri", "ContentUri"} & one["Properties"].keys():
            one["Properties"][folder] = "s3://packages/package.zip"
    for name, given in source["Parameters"].items():
        given.setdefault("Default", name)
    with mock.patch.dict(os.environ, {"AWS_DEFAULT_REGION": "eu-central-1"}):
        found: dict[str, Any] = transform(source, {}, _NoPolicies())["Resources"]
    return found


def of_type(name: str) -> dict[str, Any]:
    """The resources of one type, by logical id."""
    return {logical: one["Properties"] for logical, one in resources().items() if one["Type"] == name}


def statements(function: str) -> list[dict[str, Any]]:
    """What a function's role allows by its own policies."""
    role = resources()[f"{function}Role"]["Properties"]
    found = [one for policy in role["Policies"] for one in policy["PolicyDocument"]["Statement"]]
    own = [
        p["PolicyDocument"]["Statement"]
        for p in of_type("AWS::IAM::Policy").values()
        if {"Ref": f"{function}Role"} in p["Roles"]
    ]
    return found + [one for many in own for one in many]


def actions(function: str) -> set[str]:
    """The actions a function may take."""
    return {
        action
        for one in statements(function)
        for action in ([one["Action"]] if isinstance(one["Action"], str) else one["Action"])
    }


def test_1_every_route_goes_to_one_function_and_none_is_a_catch_all() -> None:
    apis = {name: one["Body"]["paths"] for name, one in of_type("AWS::ApiGatewayV2::Api").items()}
    assert set(apis) == {"TrackingApi", "AdminApi"}
    assert not [path for paths in apis.values() for path in paths if "proxy" in path or path == "/$default"]
    assert "/v1/batch" in apis["TrackingApi"]
    assert "/profiles/{id}" in apis["AdminApi"]


def test_2_stages_throttle_and_log_the_route_and_never_the_path() -> None:
    for stage in of_type("AWS::ApiGatewayV2::Stage").values():
        assert {"ThrottlingRateLimit", "ThrottlingBurstLimit"} <= stage["DefaultRouteSettings"].keys()
        log = json.loads(stage["AccessLogSettings"]["Format"])
        assert log["route"] == "$context.routeKey"
        assert not {"path", "query", "identity", "userAgent"} & {
            part for value in log.values() for part in value.split(".")
        }


def test_3_tracking_is_open_to_every_origin_without_credentials_and_admin_to_none_by_default() -> None:
    tracking = of_type("AWS::ApiGatewayV2::Api")["TrackingApi"]["Body"]["x-amazon-apigateway-cors"]
    assert tracking["allowOrigins"] == ["*"]
    assert not tracking.get("allowCredentials")
    needed = """authorization content-type x-retry-count anonymousid sentat rsa-recovered rsa-retry-attempt rsa-retry-reason
    rsa-since-last-attempt rsa-since-first-attempt x-write-key""".split()
    assert set(needed) <= set(tracking["allowHeaders"])
    assert tracking["exposeHeaders"] == ["retry-after"]
    assert template()["Parameters"]["AdminAllowedOrigins"]["Default"] == ""


@pytest.mark.parametrize("function", FUNCTIONS)
def test_4_each_function_has_a_role_of_its_own_without_wildcards(function: str) -> None:
    for one in statements(function):
        named = one["Action"] if isinstance(one["Action"], list) else [one["Action"]]
        assert not [action for action in named if "*" in action]
        assert one["Resource"] != "*"
    managed = [json.dumps(arn) for arn in resources()[f"{function}Role"]["Properties"]["ManagedPolicyArns"]]
    assert not [arn for arn in managed if "FullAccess" in arn]


def test_4_track_reads_keys_definitions_and_consents_only_and_sends_to_one_queue() -> None:
    reads = {"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"}
    assert actions("TrackFunction") == {"sqs:SendMessage"} | reads
    (read,) = [one for one in statements("TrackFunction") if "dynamodb:GetItem" in one["Action"]]
    allowed = ["key#*", "channel#*", "consent#*", "catalogue"]
    assert read["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": allowed}}


def test_4_the_flush_may_do_what_the_flush_does_and_start_itself() -> None:
    """Exactly what its code calls: a transaction needs the rights of its parts, a receive sets its own visibility."""
    reads = {"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"}
    writes = {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem"}
    queue = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:SendMessage"}
    ledger = {"s3:PutObject", "s3:GetObject", "s3:ListBucket"}
    others = {"lambda:InvokeFunction", "secretsmanager:GetSecretValue", "dynamodb:Scan"}
    assert actions("FlushFunction") == reads | writes | queue | ledger | others


def test_4_the_flush_writes_the_ledger_of_erasures_and_reads_one_secret() -> None:
    (ledger,) = [one for one in statements("FlushFunction") if "s3:PutObject" in one["Action"]]
    assert ledger["Resource"] == [
        {"Fn::Sub": f"${{DataBucket.Arn}}/{one}/*"} for one in ("erasures", "exports", "imports")
    ]
    (listed,) = [one for one in statements("FlushFunction") if one["Action"] == "s3:ListBucket"]
    assert listed["Condition"] == {"StringLike": {"s3:prefix": "erasures/*"}}
    (secret,) = [one for one in statements("FlushFunction") if one["Action"] == "secretsmanager:GetSecretValue"]
    assert secret["Resource"] == {"Ref": "IdentitySecret"}


def test_4_the_profiles_api_reads_both_tables_and_writes_profiles() -> None:
    """It deletes definitions, and consents before an erasure answers; activities are the jobs' to delete."""
    reads, writes = (
        {"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"},
        {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"},
    )
    assert actions("ProfilesApiFunction") == reads | writes | {
        "secretsmanager:GetSecretValue",
        "sqs:ReceiveMessage",
        "sqs:SendMessage",
        "s3:GetObject",
        "s3:PutObject",
    }
    (write,) = [one for one in statements("ProfilesApiFunction") if "dynamodb:PutItem" in one["Action"]]
    assert write["Resource"] == PROFILES
    (peek,) = [one for one in statements("ProfilesApiFunction") if one["Action"] == "sqs:ReceiveMessage"]
    assert peek["Resource"] == {"Fn::GetAtt": ["EventDeadLetterQueue", "Arn"]}


def test_5_reserved_concurrency_is_optional_and_off_by_default() -> None:
    assert template()["Parameters"]["FlushReservedConcurrency"]["Default"] == ""


@pytest.mark.parametrize("function", FUNCTIONS)
def test_6_runtime_architecture_tracing_and_asynchronous_invocations(function: str) -> None:
    properties = resources()[function]["Properties"]
    assert properties["Runtime"] == "python3.13"
    assert properties["TracingConfig"] == {"Mode": "Active"}
    assert properties["LoggingConfig"]["LogFormat"] == "JSON"
    assert template()["Parameters"]["Architecture"]["Default"] == "arm64"
    settings = [
        one for one in of_type("AWS::Lambda::EventInvokeConfig").values() if one["FunctionName"] == {"Ref": function}
    ]
    assert [(one["MaximumRetryAttempts"], one["MaximumEventAgeInSeconds"]) for one in settings] == [(0, 60)]


def test_6_timeouts_and_the_queues_default_visibility() -> None:
    timeouts = [resources()[function]["Properties"]["Timeout"] for function in FUNCTIONS]
    assert 10 <= timeouts[0] <= 29
    assert timeouts[1] == 60
    assert 10 <= timeouts[2] <= 29
    assert of_type("AWS::SQS::Queue")["EventQueue"]["VisibilityTimeout"] == 90


def test_6_every_log_group_has_a_retention_of_30_days_by_default() -> None:
    groups = of_type("AWS::Logs::LogGroup")
    assert len(groups) == 5
    assert all(one["RetentionInDays"] == {"Ref": "LogRetentionDays"} for one in groups.values())
    assert template()["Parameters"]["LogRetentionDays"]["Default"] == 30


def test_6_the_layers_wheels_are_for_the_processor_of_the_functions() -> None:
    assert template()["Resources"]["CoreLayer"]["Metadata"]["BuildArchitecture"] == {"Ref": "Architecture"}
    for function in FUNCTIONS:
        assert resources()[function]["Properties"]["Architectures"] == [{"Ref": "Architecture"}]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_7_the_environment_names_exactly_the_settings_that_the_code_reads(function: str) -> None:
    from cdp_core.config import Settings

    given = resources()[function]["Properties"]["Environment"]["Variables"]
    assert set(given) == {name.upper() for name in Settings._fields}


def test_7_every_number_that_a_parameter_allows_is_one_that_the_code_accepts() -> None:
    from cdp_core.config import read_settings

    variables = resources()["FlushFunction"]["Properties"]["Environment"]["Variables"]
    parameters = template()["Parameters"]
    for name, value in variables.items():
        parameter = parameters.get(value.get("Ref"), {}) if isinstance(value, dict) else {}
        for bound in {"MinValue", "MaxValue", "Default"} & parameter.keys():
            read_settings({name: str(parameter[bound])})


def test_7_no_secret_stands_in_an_environment_and_data_is_retained() -> None:
    for function in FUNCTIONS:
        for value in resources()[function]["Properties"]["Environment"]["Variables"].values():
            assert "resolve:secretsmanager" not in json.dumps(value)
    for logical in (*TABLES, "DataBucket", "IdentitySecret", "AdminKeySecret", "EventQueue", "EventDeadLetterQueue"):
        assert resources()[logical]["DeletionPolicy"] == resources()[logical]["UpdateReplacePolicy"] == "Retain", (
            logical
        )


def test_8_queues_are_encrypted_tls_only_and_dead_letters_outlive_messages() -> None:
    queues = of_type("AWS::SQS::Queue")
    assert all(queues[name]["SqsManagedSseEnabled"] for name in QUEUES)
    denied = [
        queue["Ref"]
        for policy in of_type("AWS::SQS::QueuePolicy").values()
        for queue in policy["Queues"]
        if any(
            s.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
            for s in policy["PolicyDocument"]["Statement"]
        )
    ]
    assert sorted(denied) == sorted(QUEUES)
    assert queues["EventQueue"]["MessageRetentionPeriod"] >= 4 * 86_400
    assert queues["EventDeadLetterQueue"]["MessageRetentionPeriod"] == 14 * 86_400
    assert queues["EventDeadLetterQueue"]["MessageRetentionPeriod"] > queues["EventQueue"]["MessageRetentionPeriod"]
    assert queues["EventQueue"]["RedrivePolicy"]["maxReceiveCount"] == 10
    assert queues["EventQueue"]["MaximumMessageSize"] == 1_048_576


def test_8_only_the_source_queue_may_use_the_dead_letter_queue_and_only_our_functions_may_send() -> None:
    allowed = of_type("AWS::SQS::Queue")["EventDeadLetterQueue"]["RedriveAllowPolicy"]
    assert allowed["redrivePermission"] == "byQueue"
    (policy,) = [one for one in of_type("AWS::SQS::QueuePolicy").values() if one["Queues"] == [{"Ref": "EventQueue"}]]
    (send,) = [one for one in policy["PolicyDocument"]["Statement"] if one["Action"] == "sqs:SendMessage"]
    assert send["Effect"] == "Deny"
    assert send["Condition"]["ArnNotEquals"]["aws:PrincipalArn"] == [
        {"Fn::GetAtt": ["TrackFunctionRole", "Arn"]},
        {"Fn::GetAtt": ["FlushFunctionRole", "Arn"]},
        {"Fn::GetAtt": ["ProfilesApiFunctionRole", "Arn"]},
    ]


@pytest.mark.parametrize("table", TABLES)
def test_9_tables_are_on_demand_with_a_fuse_recoverable_and_protected(table: str) -> None:
    properties = resources()[table]["Properties"]
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert {"MaxReadRequestUnits", "MaxWriteRequestUnits"} <= properties["OnDemandThroughput"].keys()
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["DeletionProtectionEnabled"]
    assert properties["SSESpecification"] == {"SSEEnabled": True}
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}
    assert properties["Tags"]
    assert "LocalSecondaryIndexes" not in properties


def test_9_activities_have_no_index_and_profiles_one() -> None:
    assert "GlobalSecondaryIndexes" not in resources()["ActivitiesTable"]["Properties"]
    assert [one["IndexName"] for one in resources()["ProfilesTable"]["Properties"]["GlobalSecondaryIndexes"]] == [
        "listing"
    ]


def test_10_the_schedule_runs_every_minute_and_reports_what_it_could_not_start() -> None:
    (schedule,) = of_type("AWS::Scheduler::Schedule").values()
    assert schedule["ScheduleExpression"] == "rate(1 minute)"
    assert schedule["Name"] == {"Fn::Sub": "${AWS::StackName}-flush"}, "two stacks in one account would clash"
    assert schedule["Target"]["RetryPolicy"]["MaximumRetryAttempts"] == 0
    assert schedule["Target"]["DeadLetterConfig"]


def test_11_the_bucket_is_private_encrypted_tls_only_and_forgets() -> None:
    bucket = resources()["DataBucket"]["Properties"]
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert bucket["BucketEncryption"]
    days = {rule["Prefix"]: rule["ExpirationInDays"] for rule in bucket["LifecycleConfiguration"]["Rules"]}
    assert days == {"exports/": 7, "imports/": 7, "erasures/": 400}
    (policy,) = of_type("AWS::S3::BucketPolicy").values()
    assert policy["PolicyDocument"]["Statement"][0]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_alarms_watch_queue_age_dead_letters_flush_and_tracking_errors() -> None:
    watched = {(one["Namespace"], one["MetricName"]) for one in of_type("AWS::CloudWatch::Alarm").values()}
    assert watched >= {
        ("AWS/SQS", "ApproximateAgeOfOldestMessage"),
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
        ("AWS/Lambda", "Errors"),
        ("AWS/Lambda", "Throttles"),
        ("AWS/Lambda", "ConcurrentExecutions"),
        ("AWS/DynamoDB", "WriteThrottleEvents"),
        ("AWS/ApiGateway", "5xx"),
        ("AWS/ApiGateway", "4xx"),
        ("AWS/DynamoDB", "WriteThrottleEvents"),
    }
    throttled = [
        one["Dimensions"][0]["Value"]["Ref"]
        for one in of_type("AWS::CloudWatch::Alarm").values()
        if one["MetricName"] in ("Throttles", "WriteThrottleEvents")
    ]
    assert sorted(throttled) == sorted(["TrackFunction", "FlushFunction", *TABLES])
    assert all("AlarmActions" in one for one in of_type("AWS::CloudWatch::Alarm").values())


def test_every_parameter_and_output_is_described() -> None:
    for section in ("Parameters", "Outputs"):
        assert all(one.get("Description") for one in template()[section].values())


def test_a_tombstone_outlives_every_message_that_could_name_its_person() -> None:
    """D9: queue and dead-letter queue retention together."""
    from cdp_core.domain.erasure import TOMBSTONE_TTL_MS

    queues = of_type("AWS::SQS::Queue")
    life = sum(queues[name]["MessageRetentionPeriod"] for name in ("EventQueue", "EventDeadLetterQueue"))
    assert life + 86_400 < TOMBSTONE_TTL_MS / 1000


MAX_FUNCTION_POLICY = 20_480  # bytes; Lambda refuses the deployment of more
LONG_STACK = "customer-data-platform"
_NAMES = {"AWS::Partition": "aws", "AWS::Region": "ap-southeast-2", "AWS::AccountId": "123456789012"}


def _permission(logical: str, properties: dict[str, Any]) -> str:
    """The statement that a permission adds to its function's policy, in a stack with a long name."""
    given = properties["SourceArn"]["Fn::Sub"]
    source = given if isinstance(given, str) else given[0]
    for name, value in {**_NAMES, "AdminApi": "abcdefghij", "__ApiId__": "abcdefghij", "__Stage__": "*"}.items():
        source = source.replace(f"${{{name}}}", value)
    function = f"{LONG_STACK}-{properties['FunctionName']['Ref']}-ABCDEFGHIJKL"
    statement = {
        "Sid": f"{LONG_STACK}-{logical}-ABCDEFGHIJKL",
        "Effect": "Allow",
        "Principal": {"Service": properties["Principal"]},
        "Action": properties["Action"],
        "Resource": f"arn:aws:lambda:ap-southeast-2:123456789012:function:{function}",
        "Condition": {"ArnLike": {"AWS:SourceArn": source}},
    }
    return json.dumps(statement, separators=(",", ":"))


@pytest.mark.parametrize("function", ["TrackFunction", "ProfilesApiFunction"])
def test_1_the_policy_that_lets_the_apis_call_a_function_stays_within_lambdas_limit(function: str) -> None:
    """Every route adds a statement; beyond the limit a deployment to AWS fails, and no local engine says so."""
    permissions = of_type("AWS::Lambda::Permission").items()
    mine = [_permission(name, one) for name, one in permissions if one["FunctionName"] == {"Ref": function}]
    assert sum(len(one) + 1 for one in mine) < MAX_FUNCTION_POLICY
