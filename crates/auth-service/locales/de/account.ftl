# Das Konto und alles darunter.

account-title = Ihr Konto
account-no-name = Nicht angegeben
account-email = E-Mail
account-security = Sicherheit
account-second-step = Zweiter Schritt
account-second-step-on = Ein
account-second-step-off = Aus
account-sessions =
    { $count ->
        [one] Angemeldet auf { $count } Gerät
       *[other] Angemeldet auf { $count } Geräten
    }
account-change = Ändern
account-change-name = Ändern: Name
account-change-email = Ändern: E-Mail
account-change-language = Ändern: Sprache
account-change-password = Ändern: Passwort
account-change-second-step = Ändern: zweiter Schritt
account-show = Zeigen
account-show-sessions = Zeigen: Geräte und Sitzungen

profile-title = Name und Sprache
profile-language-browser = Wie mein Browser
profile-action = Speichern

change-email-title = Adresse ändern
change-email-lead = Ihre Adresse ist { $email }. Wir schicken einen Code dorthin und einen an die neue Adresse; beide sind nötig.
change-email-field = Neue E-Mail-Adresse
change-email-action = Codes senden
change-email-pending = Ihre Adresse wird { $email }, sobald beide Enden bestätigt sind.
change-email-old = Alte Adresse
change-email-new = Neue Adresse
change-email-code-old = Code aus der E-Mail an die alte Adresse
change-email-code-new = Code aus der E-Mail an die neue Adresse
change-email-prove-old = Alte Adresse bestätigen
change-email-prove-new = Neue Adresse bestätigen
change-email-proved = Bestätigt
change-email-resend = Neue Codes an beide Adressen senden
change-email-cancel = Änderung abbrechen

confirm-email-title = Änderung bestätigen
confirm-email-lead = Sie haben den Link geöffnet, der ein Ende einer Adressänderung bestätigt. Haben Sie sie nicht verlangt, schließen Sie diese Seite.
confirm-email-action = Bestätigen
confirm-email-refuse = Nein, zu meinem Konto

change-password-title = Passwort ändern
change-password-lead = Damit wird jede andere Sitzung beendet.
change-password-current = Jetziges Passwort
change-password-action = Passwort ändern

second-step-title = Zweiter Schritt
second-step-lead-on = Wenn Sie sich anmelden, schicken wir einen Code an { $email } und fragen Sie danach.
second-step-lead-off = Ein Code, der beim Anmelden an { $email } geht, hält andere fern, selbst wenn sie Ihr Passwort erfahren.
second-step-needs-password = Ihr Passwort hat weniger als { $minimum } Zeichen. Allein reicht das nicht; bitte setzen Sie ein längeres.
second-step-turn-on = Einschalten
second-step-turn-off = Ausschalten

sessions-title = Geräte und Sitzungen
sessions-lead = Überall, wo Sie angemeldet sind. Beenden Sie, was Sie nicht kennen, und ändern Sie Ihr Passwort.
sessions-this = Dieses Gerät
sessions-last-use = Zuletzt benutzt
sessions-since = Angemeldet am
sessions-end = Beenden
sessions-end-named = Beenden: Sitzung { $device }
sessions-end-others = Alle anderen beenden
sessions-more = Mehr zeigen

delete-title = Konto löschen
delete-lead = Das Konto { $email } und alles, was dazugehört, ist sofort weg. Es gibt keinen Weg zurück.
delete-confirm = Ja, mein Konto endgültig löschen
delete-action = Konto löschen
delete-keep = Konto behalten

confirm-identity-title = Bestätigen Sie, dass Sie es sind
confirm-identity-lead = Was Sie vorhaben, ist heikel. Geben Sie das Passwort von { $email } ein, um fortzufahren.
confirm-identity-action = Weiter
confirm-identity-back = Zurück zu Ihrem Konto

apps-title = Apps
apps-lead = Diese Apps dürfen Sie anmelden. Entziehen Sie, was Sie nicht mehr wollen: Die App wird abgemeldet und muss neu fragen.
apps-none = Sie haben noch keine App zugelassen.
apps-since = Seit
apps-withdraw = Entziehen
apps-withdraw-named = { $app } den Zugriff entziehen
account-apps = { $count ->
    [one] eine App
   *[other] { $count } Apps
}
account-show-apps = Apps anzeigen
