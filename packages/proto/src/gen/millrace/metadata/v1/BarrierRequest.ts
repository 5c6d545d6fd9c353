// Original file: proto/millrace/metadata/v1/metadata.proto


export interface BarrierRequestInput {
}

export interface BarrierRequest {
}
