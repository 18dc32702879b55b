# Pages that a developer reads.

mailbox-title = Mailbox
mailbox-lead = Every mail that a real server would have sent. This page exists in development only.
mailbox-empty = No mail yet. Sign up, and the first one arrives here.
mailbox-again = Look again
mailbox-to = To
mailbox-text = Text

docs-contents = Operations
docs-other = Other
docs-deprecated = deprecated
docs-parameters = Parameters
docs-body = Request body
docs-responses = Answers
docs-field = Field
docs-type = Type
docs-meaning = Meaning
docs-required = required
docs-document = The OpenAPI document
docs-language = The descriptions are in English.
docs-credentials = Credentials
docs-problems = Problems
