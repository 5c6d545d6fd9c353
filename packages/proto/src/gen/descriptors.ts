// Written by scripts/generate-proto.ts from proto/; change the schema, not this.
export const DESCRIPTORS: object = {
  "nested": {
    "millrace": {
      "nested": {
        "coordinator": {
          "nested": {
            "v1": {
              "nested": {
                "CoordinatorService": {
                  "methods": {
                    "FormCluster": {
                      "requestType": "FormClusterRequest",
                      "responseType": "FormClusterResponse"
                    },
                    "RegisterNode": {
                      "requestType": "RegisterNodeRequest",
                      "responseType": "RegisterNodeResponse"
                    },
                    "Heartbeat": {
                      "requestType": "HeartbeatRequest",
                      "responseType": "HeartbeatResponse"
                    },
                    "ReportReplicas": {
                      "requestType": "ReportReplicasRequest",
                      "responseType": "ReportReplicasResponse"
                    },
                    "CreateStream": {
                      "requestType": "CreateStreamRequest",
                      "responseType": "CreateStreamResponse"
                    },
                    "DeleteStream": {
                      "requestType": "DeleteStreamRequest",
                      "responseType": "DeleteStreamResponse"
                    },
                    "UpdateRetention": {
                      "requestType": "UpdateRetentionRequest",
                      "responseType": "UpdateRetentionResponse"
                    },
                    "UpdateTags": {
                      "requestType": "UpdateTagsRequest",
                      "responseType": "UpdateTagsResponse"
                    },
                    "SplitShard": {
                      "requestType": "SplitShardRequest",
                      "responseType": "SplitShardResponse"
                    },
                    "MergeShards": {
                      "requestType": "MergeShardsRequest",
                      "responseType": "MergeShardsResponse"
                    },
                    "CancelReshard": {
                      "requestType": "CancelReshardRequest",
                      "responseType": "CancelReshardResponse"
                    },
                    "CreateAccessKey": {
                      "requestType": "CreateAccessKeyRequest",
                      "responseType": "CreateAccessKeyResponse"
                    },
                    "UpdateLimits": {
                      "requestType": "UpdateLimitsRequest",
                      "responseType": "UpdateLimitsResponse"
                    },
                    "SetNodeGoal": {
                      "requestType": "SetNodeGoalRequest",
                      "responseType": "SetNodeGoalResponse"
                    },
                    "UpdatePlacementPolicy": {
                      "requestType": "UpdatePlacementPolicyRequest",
                      "responseType": "UpdatePlacementPolicyResponse"
                    },
                    "Rebalance": {
                      "requestType": "RebalanceRequest",
                      "responseType": "RebalanceResponse"
                    }
                  }
                },
                "NodeAddresses": {
                  "fields": {
                    "rpc": {
                      "type": "string",
                      "id": 1
                    },
                    "data": {
                      "type": "string",
                      "id": 2
                    },
                    "admin": {
                      "type": "string",
                      "id": 3
                    },
                    "aws": {
                      "type": "string",
                      "id": 4
                    }
                  }
                },
                "Voter": {
                  "fields": {
                    "nodeId": {
                      "type": "uint32",
                      "id": 1
                    },
                    "incarnation": {
                      "type": "string",
                      "id": 2
                    },
                    "replicaId": {
                      "type": "uint64",
                      "id": 3
                    },
                    "addresses": {
                      "type": "NodeAddresses",
                      "id": 4
                    }
                  }
                },
                "FormClusterRequest": {
                  "fields": {
                    "clusterId": {
                      "type": "string",
                      "id": 1
                    },
                    "voters": {
                      "rule": "repeated",
                      "type": "Voter",
                      "id": 2
                    },
                    "account": {
                      "type": "string",
                      "id": 3
                    },
                    "region": {
                      "type": "string",
                      "id": 4
                    },
                    "accessKeyId": {
                      "type": "string",
                      "id": 5
                    },
                    "sealedSecret": {
                      "type": "bytes",
                      "id": 6
                    },
                    "limits": {
                      "type": "string",
                      "id": 7
                    },
                    "sealedTokenKey": {
                      "type": "bytes",
                      "id": 8
                    },
                    "createdAtMs": {
                      "type": "uint64",
                      "id": 9
                    }
                  }
                },
                "FormClusterResponse": {
                  "fields": {
                    "clusterId": {
                      "type": "string",
                      "id": 1
                    }
                  }
                },
                "RegisterNodeRequest": {
                  "fields": {
                    "nodeId": {
                      "type": "uint32",
                      "id": 1
                    },
                    "incarnation": {
                      "type": "string",
                      "id": 2
                    },
                    "bootEpoch": {
                      "type": "uint64",
                      "id": 3
                    },
                    "roles": {
                      "rule": "repeated",
                      "type": "string",
                      "id": 4
                    },
                    "host": {
                      "type": "string",
                      "id": 5
                    },
                    "zone": {
                      "type": "string",
                      "id": 6
                    },
                    "addresses": {
                      "type": "NodeAddresses",
                      "id": 7
                    },
                    "pid": {
                      "type": "uint32",
                      "id": 8
                    },
                    "dataDir": {
                      "type": "string",
                      "id": 9
                    },
                    "version": {
                      "type": "string",
                      "id": 10
                    }
                  }
                },
                "RegisterNodeResponse": {
                  "fields": {
                    "metadataIndex": {
                      "type": "uint64",
                      "id": 1
                    },
                    "clusterId": {
                      "type": "string",
                      "id": 2
                    }
                  }
                },
                "HeartbeatRequest": {
                  "fields": {
                    "nodeId": {
                      "type": "uint32",
                      "id": 1
                    },
                    "incarnation": {
                      "type": "string",
                      "id": 2
                    },
                    "bootEpoch": {
                      "type": "uint64",
                      "id": 3
                    },
                    "state": {
                      "type": "string",
                      "id": 4
                    },
                    "nowMs": {
                      "type": "uint64",
                      "id": 5
                    }
                  }
                },
                "HeartbeatResponse": {
                  "fields": {
                    "nowMs": {
                      "type": "uint64",
                      "id": 1
                    },
                    "registerAgain": {
                      "type": "bool",
                      "id": 2
                    }
                  }
                },
                "ReplicaReport": {
                  "fields": {
                    "groupId": {
                      "type": "uint64",
                      "id": 1
                    },
                    "replicaId": {
                      "type": "uint64",
                      "id": 2
                    },
                    "state": {
                      "type": "string",
                      "id": 3
                    },
                    "leading": {
                      "type": "bool",
                      "id": 4
                    },
                    "removed": {
                      "type": "bool",
                      "id": 5
                    },
                    "confIndex": {
                      "type": "uint64",
                      "id": 6
                    },
                    "voters": {
                      "rule": "repeated",
                      "type": "uint64",
                      "id": 7
                    },
                    "sealedEpoch": {
                      "type": "uint64",
                      "id": 8
                    },
                    "endOffset": {
                      "type": "uint64",
                      "id": 9
                    },
                    "lastArrivalMs": {
                      "type": "uint64",
                      "id": 10
                    }
                  }
                },
                "ReportReplicasRequest": {
                  "fields": {
                    "nodeId": {
                      "type": "uint32",
                      "id": 1
                    },
                    "incarnation": {
                      "type": "string",
                      "id": 2
                    },
                    "replicas": {
                      "rule": "repeated",
                      "type": "ReplicaReport",
                      "id": 3
                    }
                  }
                },
                "ReportReplicasResponse": {
                  "fields": {
                    "metadataIndex": {
                      "type": "uint64",
                      "id": 1
                    }
                  }
                },
                "SetNodeGoalRequest": {
                  "fields": {
                    "nodeId": {
                      "type": "uint32",
                      "id": 1
                    },
                    "goal": {
                      "type": "string",
                      "id": 2
                    }
                  }
                },
                "SetNodeGoalResponse": {
                  "fields": {
                    "metadataIndex": {
                      "type": "uint64",
                      "id": 1
                    }
                  }
                },
                "UpdatePlacementPolicyRequest": {
                  "fields": {
                    "settings": {
                      "keyType": "string",
                      "type": "uint64",
                      "id": 1
                    }
                  }
                },
                "UpdatePlacementPolicyResponse": {
                  "fields": {
                    "metadataIndex": {
                      "type": "uint64",
                      "id": 1
                    }
                  }
                },
                "RebalanceRequest": {
                  "fields": {
                    "action": {
                      "type": "string",
                      "id": 1
                    }
                  }
                },
                "RebalanceMove": {
                  "fields": {
                    "streamName": {
                      "type": "string",
                      "id": 1
                    },
                    "shardIndex": {
                      "type": "uint32",
                      "id": 2
                    },
                    "groupId": {
                      "type": "uint64",
                      "id": 3
                    },
                    "fromNodeId": {
                      "type": "uint32",
                      "id": 4
                    },
                    "toNodeId": {
                      "type": "uint32",
                      "id": 5
                    }
                  }
                },
                "RebalanceResponse": {
                  "fields": {
                    "metadataIndex": {
                      "type": "uint64",
                      "id": 1
                    },
                    "running": {
                      "type": "bool",
                      "id": 2
                    },
                    "moves": {
                      "rule": "repeated",
                      "type": "RebalanceMove",
                      "id": 3
                    },
                    "leaderChanges": {
                      "type": "uint32",
                      "id": 4
                    },
                    "moving": {
                      "type": "uint32",
                      "id": 5
                    }
                  }
                },
                "CreateStreamRequest": {
                  "fields": {
                    "account": {
                      "type": "string",
                      "id": 1
                    },
                    "streamName": {
                      "type": "string",
                      "id": 2
                    },
                    "shardCount": {
                      "type": "uint32",
                      "id": 3
                    },
                    "streamMode": {
                      "type": "string",
                      "id": 4
                    },
                    "tags": {
                      "keyType": "string",
                      "type": "string",
                      "id": 5
                    },
                    "maxRecordSizeKib": {
                      "type": "uint32",
                      "id": 6
                    },
                    "replicationFactor": {
                      "type": "uint32",
                      "id": 7
                    }
                  }
                },
                "CreateStreamResponse": {
                  "fields": {
                    "metadataIndex": {
                      "type": "uint64",
                      "id": 1
                    }
                  }
                },
                "DeleteStreamRequest": {
                  "fields": {
                    "account": {
                      "type": "string",
                      "id": 1
                    },
                    "streamName": {
                      "type": "string",
                      "id": 2
                    },
                    "streamId": {
                      "type": "string",
                      "id": 3
                    }
                  }
                },
                "DeleteStreamResponse": {
                  "fields": {
                    "metadataIndex": {
                      "type": "uint64",
                      "id": 1
                    }
                  }
                },
                "UpdateRetentionRequest": {
                  "fields": {
                    "account": {
                      "type": "string",
                      "id": 1
                    },
                    "streamName": {
                      "type": "string",
                      "id": 2
                    },
                    "retentionHours": {
                      "type": "uint32",
                      "id": 3
                    },
                    "direction": {
                      "type": "string",
                      "id": 4
                    }
                  }
                },
                "UpdateRetentionResponse": {
                  "fields": {
                    "metadataIndex": {
                      "type": "uint64",
                      "id": 1
                    }
                  }
                },
                "UpdateTagsRequest": {
                  "fields": {
                    "account": {
                      "type": "string",
                      "id": 1
                    },
                    "streamName": {
                      "type": "string",
                      "id": 2
                    },
                    "set": {
                      "keyType": "string",
                      "type": "string",
                      "id": 3
                    },
                    "remove": {
                      "rule": "repeated",
                      "type": "string",
                      "id": 4
                    }
                  }
                },
                "UpdateTagsResponse": {
                  "fields": {
                    "metadataIndex": {
                      "type": "uint64",
                      "id": 1
                    }
                  }
                },
                "SplitShardRequest": {
                  "fields": {
                    "account": {
                      "type": "string",
                      "id": 1
                    },
                    "streamName": {
                      "type": "string",
                      "id": 2
                    },
                    "shardIndex": {
                      "type": "uint32",
                      "id": 3
                    },
                    "newStartingHashKey": {
                      "type": "string",
                      "id": 4
                    }
                  }
                },
                "SplitShardResponse": {
                  "fields": {
                    "metadataIndex": {
                      "type": "uint64",
                      "id": 1
                    },
                    "childShardIndexes": {
                      "rule": "repeated",
                      "type": "uint32",
                      "id": 2
                    }
                  }
                },
                "MergeShardsRequest": {
                  "fields": {
                    "account": {
                      "type": "string",
                      "id": 1
                    },
                    "streamName": {
                      "type": "string",
                      "id": 2
                    },
                    "shardIndex": {
                      "type": "uint32",
                      "id": 3
                    },
                    "adjacentShardIndex": {
                      "type": "uint32",
                      "id": 4
                    }
                  }
                },
                "MergeShardsResponse": {
                  "fields": {
                    "metadataIndex": {
                      "type": "uint64",
                      "id": 1
                    },
                    "childShardIndexes": {
                      "rule": "repeated",
                      "type": "uint32",
                      "id": 2
                    }
                  }
                },
                "CancelReshardRequest": {
                  "fields": {
                    "account": {
                      "type": "string",
                      "id": 1
                    },
                    "streamName": {
                      "type": "string",
                      "id": 2
                    }
                  }
                },
                "CancelReshardResponse": {
                  "fields": {
                    "metadataIndex": {
                      "type": "uint64",
                      "id": 1
                    }
                  }
                },
                "CreateAccessKeyRequest": {
                  "fields": {
                    "account": {
                      "type": "string",
                      "id": 1
                    },
                    "accessKeyId": {
                      "type": "string",
                      "id": 2
                    },
                    "sealedSecret": {
                      "type": "bytes",
                      "id": 3
                    }
                  }
                },
                "CreateAccessKeyResponse": {
                  "fields": {
                    "metadataIndex": {
                      "type": "uint64",
                      "id": 1
                    }
                  }
                },
                "UpdateLimitsRequest": {
                  "fields": {
                    "limits": {
                      "type": "string",
                      "id": 1
                    }
                  }
                },
                "UpdateLimitsResponse": {
                  "fields": {
                    "metadataIndex": {
                      "type": "uint64",
                      "id": 1
                    }
                  }
                }
              }
            }
          }
        },
        "data": {
          "nested": {
            "v1": {
              "nested": {
                "DataService": {
                  "methods": {
                    "Append": {
                      "requestType": "AppendRequest",
                      "requestStream": true,
                      "responseType": "AppendResponse",
                      "responseStream": true
                    },
                    "Fetch": {
                      "requestType": "FetchRequest",
                      "requestStream": true,
                      "responseType": "FetchResponse",
                      "responseStream": true
                    }
                  }
                },
                "AppendRequest": {
                  "fields": {
                    "requestId": {
                      "type": "uint64",
                      "id": 1
                    },
                    "groupId": {
                      "type": "uint64",
                      "id": 2
                    },
                    "shardEpoch": {
                      "type": "uint64",
                      "id": 3
                    },
                    "expectedTerm": {
                      "type": "uint64",
                      "id": 4
                    },
                    "batch": {
                      "type": "bytes",
                      "id": 5
                    }
                  }
                },
                "AppendResponse": {
                  "fields": {
                    "requestId": {
                      "type": "uint64",
                      "id": 1
                    },
                    "failure": {
                      "type": "Failure",
                      "id": 2
                    },
                    "baseOffset": {
                      "type": "uint64",
                      "id": 3
                    },
                    "count": {
                      "type": "uint32",
                      "id": 4
                    },
                    "arrivalMs": {
                      "type": "uint64",
                      "id": 5
                    },
                    "term": {
                      "type": "uint64",
                      "id": 6
                    },
                    "duplicate": {
                      "type": "bool",
                      "id": 7
                    }
                  }
                },
                "FetchRequest": {
                  "fields": {
                    "requestId": {
                      "type": "uint64",
                      "id": 1
                    },
                    "groupId": {
                      "type": "uint64",
                      "id": 2
                    },
                    "offset": {
                      "type": "uint64",
                      "id": 3
                    },
                    "maxBytes": {
                      "type": "uint32",
                      "id": 4
                    },
                    "maxRecords": {
                      "type": "uint32",
                      "id": 5
                    },
                    "waitMs": {
                      "type": "uint32",
                      "id": 6
                    },
                    "limited": {
                      "type": "bool",
                      "id": 7
                    }
                  }
                },
                "FetchResponse": {
                  "fields": {
                    "requestId": {
                      "type": "uint64",
                      "id": 1
                    },
                    "failure": {
                      "type": "Failure",
                      "id": 2
                    },
                    "slices": {
                      "rule": "repeated",
                      "type": "RecordSlice",
                      "id": 3
                    },
                    "nextOffset": {
                      "type": "uint64",
                      "id": 4
                    },
                    "endOffset": {
                      "type": "uint64",
                      "id": 5
                    },
                    "trimOffset": {
                      "type": "uint64",
                      "id": 6
                    },
                    "term": {
                      "type": "uint64",
                      "id": 7
                    },
                    "nowMs": {
                      "type": "uint64",
                      "id": 8
                    },
                    "sealed": {
                      "type": "bool",
                      "id": 9
                    }
                  }
                },
                "RecordSlice": {
                  "fields": {
                    "baseOffset": {
                      "type": "uint64",
                      "id": 1
                    },
                    "count": {
                      "type": "uint32",
                      "id": 2
                    },
                    "arrivalMs": {
                      "type": "uint64",
                      "id": 3
                    },
                    "records": {
                      "type": "bytes",
                      "id": 4
                    }
                  }
                },
                "Failure": {
                  "fields": {
                    "code": {
                      "type": "string",
                      "id": 1
                    },
                    "message": {
                      "type": "string",
                      "id": 2
                    },
                    "leaderNodeId": {
                      "type": "uint32",
                      "id": 3
                    },
                    "leaderAddress": {
                      "type": "string",
                      "id": 4
                    },
                    "term": {
                      "type": "uint64",
                      "id": 5
                    },
                    "shardEpoch": {
                      "type": "uint64",
                      "id": 6
                    },
                    "recordsFree": {
                      "type": "uint32",
                      "id": 7
                    },
                    "bytesFree": {
                      "type": "uint32",
                      "id": 8
                    },
                    "retryAfterMs": {
                      "type": "uint32",
                      "id": 9
                    },
                    "sealed": {
                      "type": "bool",
                      "id": 10
                    }
                  }
                }
              }
            }
          }
        },
        "metadata": {
          "nested": {
            "v1": {
              "nested": {
                "MetadataService": {
                  "methods": {
                    "Tail": {
                      "requestType": "TailRequest",
                      "responseType": "TailResponse",
                      "responseStream": true
                    },
                    "Barrier": {
                      "requestType": "BarrierRequest",
                      "responseType": "BarrierResponse"
                    }
                  }
                },
                "TailScope": {
                  "values": {
                    "TAIL_SCOPE_UNSPECIFIED": 0,
                    "TAIL_SCOPE_INTERNAL": 1,
                    "TAIL_SCOPE_ROUTES": 2
                  }
                },
                "TailRequest": {
                  "fields": {
                    "scope": {
                      "type": "TailScope",
                      "id": 1
                    },
                    "fromIndex": {
                      "type": "uint64",
                      "id": 2
                    },
                    "clusterId": {
                      "type": "string",
                      "id": 3
                    }
                  }
                },
                "TailResponse": {
                  "oneofs": {
                    "event": {
                      "oneof": [
                        "snapshot",
                        "delta",
                        "heartbeat"
                      ]
                    }
                  },
                  "fields": {
                    "snapshot": {
                      "type": "SnapshotPart",
                      "id": 1
                    },
                    "delta": {
                      "type": "Delta",
                      "id": 2
                    },
                    "heartbeat": {
                      "type": "Heartbeat",
                      "id": 3
                    }
                  }
                },
                "SnapshotPart": {
                  "fields": {
                    "index": {
                      "type": "uint64",
                      "id": 1
                    },
                    "changes": {
                      "rule": "repeated",
                      "type": "Change",
                      "id": 2
                    },
                    "last": {
                      "type": "bool",
                      "id": 3
                    }
                  }
                },
                "Delta": {
                  "fields": {
                    "index": {
                      "type": "uint64",
                      "id": 1
                    },
                    "changes": {
                      "rule": "repeated",
                      "type": "Change",
                      "id": 2
                    }
                  }
                },
                "Heartbeat": {
                  "fields": {
                    "index": {
                      "type": "uint64",
                      "id": 1
                    }
                  }
                },
                "Change": {
                  "fields": {
                    "key": {
                      "type": "string",
                      "id": 1
                    },
                    "value": {
                      "type": "bytes",
                      "id": 2
                    },
                    "deleted": {
                      "type": "bool",
                      "id": 3
                    }
                  }
                },
                "BarrierRequest": {
                  "fields": {}
                },
                "BarrierResponse": {
                  "fields": {
                    "index": {
                      "type": "uint64",
                      "id": 1
                    }
                  }
                }
              }
            }
          }
        },
        "node": {
          "nested": {
            "v1": {
              "nested": {
                "NodeService": {
                  "methods": {
                    "Status": {
                      "requestType": "StatusRequest",
                      "responseType": "StatusResponse"
                    },
                    "Locate": {
                      "requestType": "LocateRequest",
                      "responseType": "LocateResponse"
                    }
                  }
                },
                "StatusRequest": {
                  "fields": {}
                },
                "StatusResponse": {
                  "fields": {
                    "nodeId": {
                      "type": "uint32",
                      "id": 1
                    },
                    "incarnation": {
                      "type": "string",
                      "id": 2
                    },
                    "bootEpoch": {
                      "type": "uint64",
                      "id": 3
                    },
                    "clusterId": {
                      "type": "string",
                      "id": 4
                    },
                    "roles": {
                      "rule": "repeated",
                      "type": "string",
                      "id": 5
                    },
                    "pid": {
                      "type": "uint32",
                      "id": 6
                    },
                    "dataDir": {
                      "type": "string",
                      "id": 7
                    },
                    "state": {
                      "type": "string",
                      "id": 8
                    },
                    "version": {
                      "type": "string",
                      "id": 9
                    },
                    "groups": {
                      "rule": "repeated",
                      "type": "GroupStatus",
                      "id": 10
                    }
                  }
                },
                "GroupStatus": {
                  "fields": {
                    "groupId": {
                      "type": "uint64",
                      "id": 1
                    },
                    "replicaId": {
                      "type": "uint64",
                      "id": 2
                    },
                    "kind": {
                      "type": "string",
                      "id": 3
                    },
                    "role": {
                      "type": "string",
                      "id": 4
                    },
                    "term": {
                      "type": "uint64",
                      "id": 5
                    },
                    "leaderReplicaId": {
                      "type": "uint64",
                      "id": 6
                    },
                    "leaderNodeId": {
                      "type": "uint32",
                      "id": 7
                    },
                    "commitIndex": {
                      "type": "uint64",
                      "id": 8
                    },
                    "appliedIndex": {
                      "type": "uint64",
                      "id": 9
                    },
                    "firstIndex": {
                      "type": "uint64",
                      "id": 10
                    },
                    "lastIndex": {
                      "type": "uint64",
                      "id": 11
                    },
                    "asleep": {
                      "type": "bool",
                      "id": 12
                    },
                    "unknown": {
                      "type": "bool",
                      "id": 13
                    }
                  }
                },
                "LocateRequest": {
                  "fields": {
                    "groupId": {
                      "type": "uint64",
                      "id": 1
                    },
                    "position": {
                      "type": "string",
                      "id": 2
                    },
                    "timestampMs": {
                      "type": "uint64",
                      "id": 3
                    },
                    "limited": {
                      "type": "bool",
                      "id": 4
                    }
                  }
                },
                "LocateResponse": {
                  "fields": {
                    "offset": {
                      "type": "uint64",
                      "id": 1
                    },
                    "trimOffset": {
                      "type": "uint64",
                      "id": 2
                    },
                    "endOffset": {
                      "type": "uint64",
                      "id": 3
                    }
                  }
                }
              }
            }
          }
        },
        "replication": {
          "nested": {
            "v1": {
              "nested": {
                "ReplicationService": {
                  "methods": {
                    "Exchange": {
                      "requestType": "ExchangeRequest",
                      "requestStream": true,
                      "responseType": "ExchangeResponse",
                      "responseStream": true
                    }
                  }
                },
                "ExchangeRequest": {
                  "fields": {
                    "frame": {
                      "type": "bytes",
                      "id": 1
                    }
                  }
                },
                "ExchangeResponse": {
                  "fields": {
                    "nodeId": {
                      "type": "uint32",
                      "id": 1
                    },
                    "incarnation": {
                      "type": "string",
                      "id": 2
                    },
                    "bootEpoch": {
                      "type": "uint64",
                      "id": 3
                    }
                  }
                }
              }
            }
          }
        }
      }
    }
  }
};
