// Original file: proto/millrace/node/v1/node.proto


export interface StatusRequestInput {
}

export interface StatusRequest {
}
