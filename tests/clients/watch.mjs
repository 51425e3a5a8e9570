// One subscription with a real client, told as JSON lines on standard output: what a front end would write.
//   node watch.mjs ws|sse|sse-single URL TOKEN DOCUMENT VARIABLES
// It ends when its standard input does.
import { createClient as createSseClient } from 'graphql-sse'
import { createClient as createWsClient } from 'graphql-ws'
import WebSocket from 'ws'

const [transport, url, token, query, variablesText] = process.argv.slice(2)
const variables = JSON.parse(variablesText)
const tell = (what) => process.stdout.write(JSON.stringify(what) + '\n')
const aMoment = () => new Promise((resolve) => setTimeout(resolve, 300))
const authorization = `Bearer ${token}`

const client =
  transport === 'ws'
    ? createWsClient({
        url: url.replace('http', 'ws'),
        webSocketImpl: WebSocket,
        connectionParams: () => ({ authorization }),
        retryWait: aMoment,
        on: {
          connected: () => tell({ connected: true }),
          closed: ({ code, reason }) => tell({ closed: code, reason })
        }
      })
    : createSseClient({
        url,
        headers: () => ({ authorization }),
        singleConnection: transport === 'sse-single',
        // Without it the connection closes between two operations, and the next one may meet its end.
        lazyCloseTimeout: 1000,
        retry: aMoment,
        on: { connected: () => tell({ connected: true }) }
      })

const once = (document) =>
  new Promise((resolve, reject) => {
    let answer
    client.subscribe({ query: document }, { next: (one) => (answer = one), error: reject, complete: () => resolve(answer) })
  })

tell({ answer: await once('{ __typename }') })
tell({ refused: await once('{ nothing }').catch((error) => ({ errors: [error].flat().map((one) => one.message ?? one) })) })

client.subscribe(
  { query, variables },
  {
    next(result) {
      const event = result.data.priceChanged
      // The same object is sent when the client connects again: it then goes on from here.
      if (event.kind === 'BOOKMARK' || event.kind === 'CHANGE') variables.after = event.cursor
      tell({ event })
    },
    error: (error) => tell({ failed: String(error?.message ?? JSON.stringify(error)) }),
    complete: () => tell({ complete: true })
  }
)

process.stdin.resume()
process.stdin.on('end', async () => {
  await client.dispose()
  process.exit(0)
})
