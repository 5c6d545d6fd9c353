// Original file: proto/millrace/coordinator/v1/coordinator.proto


export interface UpdateTagsRequestInput {
  'account'?: (string);
  'streamName'?: (string);
  'set'?: ({[key: string]: string});
  'remove'?: (string)[];
}

export interface UpdateTagsRequest {
  'account': (string);
  'streamName': (string);
  'set': ({[key: string]: string});
  'remove': (string)[];
}
