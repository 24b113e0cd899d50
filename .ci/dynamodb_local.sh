#!/usr/bin/env bash
# Puts a current DynamoDB Local (Amazon's own code, Java 17) into .build/dynamodb-local with Maven.
set -euo pipefail
cd "$(dirname "$0")/.."
target=.build/dynamodb-local
if ! command -v java >/dev/null || ! command -v mvn >/dev/null; then
    echo "DynamoDB Local left out: it needs java and mvn"
    exit 0
fi
cmp --silent .ci/dynamodb_local.xml "$target/pom.xml" && [ -e "$target/stamp" ] && exit 0
rm -rf "$target" && mkdir -p "$target"
cp .ci/dynamodb_local.xml "$target/pom.xml"
mvn --quiet --batch-mode -f "$target/pom.xml" dependency:copy-dependencies -DoutputDirectory=libs
touch "$target/stamp"
