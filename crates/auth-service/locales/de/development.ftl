# Seiten für Entwickler.

mailbox-title = Postfach
mailbox-lead = Jede E-Mail, die ein echter Server verschickt hätte. Diese Seite gibt es nur in der Entwicklung.
mailbox-empty = Noch keine E-Mail. Legen Sie ein Konto an, dann kommt die erste hier an.
mailbox-again = Noch einmal nachsehen
mailbox-to = An
mailbox-text = Text

docs-contents = Operationen
docs-other = Weiteres
docs-deprecated = veraltet
docs-parameters = Parameter
docs-body = Inhalt der Anfrage
docs-responses = Antworten
docs-field = Feld
docs-type = Typ
docs-meaning = Bedeutung
docs-required = nötig
docs-document = Das OpenAPI-Dokument
docs-language = Die Beschreibungen sind auf Englisch.
docs-credentials = Ausweise
docs-problems = Probleme
