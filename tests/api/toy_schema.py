"""A small Relay schema for the guard's tests, and how long its plain lists are."""

from graphql import build_schema

SCHEMA = build_schema("""
interface Node { id: ID! }
union Payer = Customer | Viewer
enum Status { OPEN PAID VOID }
input Where { status: Status number: String and: [Where!] }

type Query {
  viewer: Viewer
  customer(id: ID!, where: Where): Customer
  customers(first: Int, last: Int, after: String, ids: [ID!], where: Where): CustomerConnection!
  nodes(ids: [ID!]!): [Node]!
  node(id: ID!): Node
  payer: Payer
  states(country: String): [State!]!
}
type Mutation {
  createTag(name: String): TagPayload
  payInvoices(ids: [ID!]): TagPayload
  inviteUser(name: String): TagPayload
}
type Subscription { viewer: Viewer }
type TagPayload { tag: Tag errors: [UserError!]! inviteUser: Tag }
type UserError { code: String! path: [String!]! }
type Tag { id: ID! name: String! }
type State { code: String! name: String! }
type Viewer { id: ID! name: String parent: Viewer money: Money boards: [CustomerConnection!]! }
type Money { amount: String! currency: String! }
type PageInfo { hasNextPage: Boolean! endCursor: String }

type Customer implements Node {
  id: ID! company: String tags: [Tag!]! scopes: [String!]!
  invoices(first: Int, last: Int): InvoiceConnection!
}
type CustomerEdge { cursor: String! node: Customer! }
type CustomerConnection { nodes: [Customer!]! edges: [CustomerEdge!]! totalCount: Int pageInfo: PageInfo! }

type Invoice implements Node {
  id: ID! number: String status: Status total: Money! lines: [Line!]! customer: Customer
  payments(first: Int): PaymentConnection!
}
type InvoiceEdge { cursor: String! node: Invoice! }
type InvoiceConnection { nodes: [Invoice!]! edges: [InvoiceEdge!]! totalCount: Int pageInfo: PageInfo! }
type Line { id: ID! description: String price: Money! }
type Payment implements Node { id: ID! amount: Money! }
type PaymentConnection { nodes: [Payment!]! pageInfo: PageInfo! }
""")

SINGLE = frozenset({"payInvoices", "inviteUser"})


def sizes(kind: str, field: str) -> int | None:
    """Stated maxima; `Invoice.lines` states 20, the rest nothing."""
    return {"Invoice.lines": 20, "TagPayload.errors": 10}.get(f"{kind}.{field}")
