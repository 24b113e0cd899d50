// Browser SDKs, and Jitsu's everywhere, take a call's parts one by one and remember who the visitor is.
const PARTS = {
  page: (said) => [said.name, said.properties],
  track: (said) => [said.event, said.properties],
  identify: (said) => [said.userId, said.traits],
  group: (said) => [said.groupId, said.traits],
  alias: (said) => [said.userId, said.previousId],
};

export const say = (client, said) => client[said.call](...PARTS[said.call](said));
