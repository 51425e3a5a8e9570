// The audits of graphql-http against a server, told as one JSON list: {name, status, reason}.
//   node audit.mjs URL
import { auditServer } from 'graphql-http'

const results = await auditServer({ url: process.argv[2] })
const told = results.map(({ name, status, reason }) => ({ name, status, reason }))
process.stdout.write(JSON.stringify(told) + '\n')
