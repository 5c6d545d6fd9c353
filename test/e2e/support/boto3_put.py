"""Puts the records of a JSON-lines file ([key, base64 data]) through boto3, in order, without retries."""
import base64
import json
import sys

import boto3
from botocore.config import Config

stream, path = sys.argv[1:]
client = boto3.client("kinesis", config=Config(retries={"max_attempts": 0}))
stored = 0
batch = []


def flush():
    global stored
    if not batch:
        return
    answer = client.put_records(StreamName=stream, Records=batch)
    if answer["FailedRecordCount"] != 0:
        sys.exit(f"{answer['FailedRecordCount']} records failed")
    stored += len(answer["Records"])
    batch.clear()


with open(path) as lines:
    for line in lines:
        key, data = json.loads(line)
        batch.append({"PartitionKey": key, "Data": base64.b64decode(data)})
        if len(batch) == 500:
            flush()
flush()
print(json.dumps({"stored": stored}))
