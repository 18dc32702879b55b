# Die Wege hinein und hinaus.

landing-title = Willkommen
landing-lead = Melden Sie sich an, oder legen Sie in einer Minute ein Konto an.
landing-signed-in = Sie sind angemeldet als { $email }.
landing-account = Zu Ihrem Konto

sign-up-title = Konto anlegen
sign-up-lead = Eine Adresse und ein gutes Passwort, mehr braucht es nicht.
sign-up-password-hint = Mindestens { $alone } Zeichen, oder { $together } mit einem Code per E-Mail (unten). Gut sind ein paar Wörter, die nur Sie so zusammenstellen würden.
sign-up-second-step = Beim Anmelden nach einem Code per E-Mail fragen
sign-up-second-step-hint = Ein zweiter Schritt hält andere fern, selbst wenn sie Ihr Passwort erfahren.
sign-up-action = Konto anlegen
sign-up-have-account = Sie haben schon ein Konto?

check-mail-title = Sehen Sie in Ihre E-Mails
check-mail-lead = Wir haben Ihnen eine E-Mail geschickt. Öffnen Sie den Link darin, oder tippen Sie hier den Code ein.
check-mail-lead-known = Wir haben eine E-Mail an { $email } geschickt. Öffnen Sie den Link darin, oder tippen Sie hier den Code ein.
check-mail-action = Adresse bestätigen
check-mail-other = Eine andere Adresse nehmen

prove-here-title = Adresse bestätigen
prove-here-lead = Ein Klick, und Ihr Konto ist fertig.
prove-here-action = Adresse bestätigen

prove-elsewhere-title = Sind Sie es?
prove-elsewhere-lead = In diesem Browser wurde das Konto nicht angelegt. Geben Sie das Passwort ein, das dabei gewählt wurde, damit wir wissen, dass Sie es sind.
prove-elsewhere-password = Passwort vom Anlegen des Kontos
prove-elsewhere-other-title = Ich kenne es nicht, oder ich war es nicht
prove-elsewhere-other-lead = Die Adresse gehört trotzdem Ihnen. Setzen Sie ein neues Passwort, dann gilt das alte nicht mehr.
prove-elsewhere-other-action = Passwort setzen und bestätigen

on-the-way-to-app = Sie sind auf dem Weg zu { $app }.
sign-in-title = Anmelden
sign-in-action = Anmelden
sign-in-forgot = Passwort vergessen?
sign-in-no-account = Neu hier?

sign-in-code-title = Noch ein Schritt
sign-in-code-lead = Wir haben einen Code an { $email } geschickt. Er gilt einige Minuten.
sign-in-code-action = Anmelden
sign-in-code-back = Von vorn beginnen

reset-title = Neues Passwort setzen
reset-lead = Nennen Sie uns Ihre Adresse. Gehört ein Konto zu ihr, schicken wir einen Link und einen Code dorthin.
reset-action = E-Mail senden
reset-back = Zurück zum Anmelden
reset-code-title = Sehen Sie in Ihre E-Mails
reset-code-lead = Gehört zu der Adresse ein Konto, ist eine E-Mail unterwegs. Öffnen Sie den Link darin, oder tippen Sie hier den Code ein.
reset-code-lead-known = Gehört zu { $email } ein Konto, ist eine E-Mail unterwegs. Öffnen Sie den Link darin, oder tippen Sie hier den Code ein.
reset-again = Noch eine E-Mail anfordern
reset-new-title = Neues Passwort wählen
reset-new-lead = Wenn Sie es setzen, wird jede Sitzung Ihres Kontos beendet.
reset-new-action = Passwort setzen

sign-out-title = Abmelden?
sign-out-lead = Damit endet Ihre Sitzung hier und in jeder App, die sie nutzt.
sign-out-action = Abmelden
sign-out-stay = Angemeldet bleiben
signed-out-title = Sie sind abgemeldet
signed-out-lead = Bis bald.
signed-out-again = Wieder anmelden

choose-account-title = Konto wählen
choose-account-continue = Weiter als { $email }
choose-account-other = Anderes Konto verwenden
choose-account-other-hint = Ein anderes Konto: Zuerst werden Sie aus diesem abgemeldet, und aus jeder App, in der es angemeldet ist.

consent-title = Diese App zulassen?
consent-lead = { $app } möchte Sie anmelden und dafür:
consent-account = Sie sind als { $email } angemeldet.
consent-allow = Zulassen
consent-deny = Nicht zulassen
scope-openid = wissen, dass Sie es sind
scope-profile = Ihren Namen und Ihre Sprache sehen
scope-email = Ihre E-Mail-Adresse sehen
scope-offline-access = auch für Sie weiterarbeiten, während Sie weg sind
scope-resource = für Sie handeln bei

form-post-title = Zurück zur App
form-post-action = Weiter

app-refused-title = Diese App kann Sie nicht anmelden
app-refused-sign-out-title = Diese App kann Sie nicht abmelden
app-refused-advice = Die App hat Sie mit etwas hierher geschickt, das nicht in Ordnung ist. Gehen Sie zurück und versuchen Sie es noch einmal; geschieht es wieder, sagen Sie denen, die sich um die App kümmern, was unten steht.
