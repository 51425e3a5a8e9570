"""The shell: GraphQL types, the fields that answer them, and what news sets off."""
