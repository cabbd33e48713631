/** SQL with a name: Postgres prepares it once per connection and only the parameters travel afterwards. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** Names a hot statement. Names are unique in a service: the same name with another text fails at the second use. */
export function statement(name: string, text: string): Statement {
  return { name, text };
}
