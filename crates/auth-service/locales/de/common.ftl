# Der Rahmen jeder Seite, und Wörter, die mehrere Seiten brauchen.

skip-to-content = Zum Inhalt springen
title-problem = Fehler:
summary-title = Bitte prüfen
language-label = Sprache
support-contact = Brauchen Sie Hilfe?
support-id = Support-Kennung
nav-account = Konto

field-name = Name
field-optional = (freiwillig)
field-email = E-Mail-Adresse
field-password = Passwort
field-new-password = Neues Passwort
field-password-hint = Mindestens { $minimum } Zeichen. Ein paar Wörter, die nur Sie so zusammenstellen würden, merken sich leicht.
field-code = Code aus der E-Mail
field-code-hint = Sechs Ziffern.
field-language = Sprache

# Was beim Tippen über ein neues Passwort gesagt wird: wie leicht es zu erraten ist, und warum.
strength-weak = Leicht zu erraten.
strength-fair = Wer sich Mühe gibt, könnte es erraten.
strength-strong = Schwer zu erraten.
strength-keys = Tasten nebeneinander werden zuerst probiert.
strength-repeat = Immer das Gleiche wird zuerst probiert.
strength-sequence = Zeichen, die aufeinander folgen, werden zuerst probiert.
strength-date = Tage und Jahreszahlen werden zuerst probiert.
strength-common = Es ähnelt einem Passwort, das viele haben.
strength-word = Ein einzelnes Wort wird zuerst probiert.
strength-name = Namen werden zuerst probiert.
strength-own = Es hat mit Ihnen oder mit diesem Dienst zu tun.

resend-question = Noch keine E-Mail?
resend-action = Neuen Code senden

duration-seconds =
    { $count ->
        [one] { $count } Sekunde
       *[other] { $count } Sekunden
    }
duration-minutes =
    { $count ->
        [one] { $count } Minute
       *[other] { $count } Minuten
    }
ago-moment = gerade eben
ago-minutes =
    { $count ->
        [one] vor { $count } Minute
       *[other] vor { $count } Minuten
    }
ago-hours =
    { $count ->
        [one] vor { $count } Stunde
       *[other] vor { $count } Stunden
    }
ago-days =
    { $count ->
        [one] gestern
       *[other] vor { $count } Tagen
    }
moment-unknown = zu unbekannter Zeit
moment =
    { $day }. { $month ->
        [1] Januar
        [2] Februar
        [3] März
        [4] April
        [5] Mai
        [6] Juni
        [7] Juli
        [8] August
        [9] September
        [10] Oktober
        [11] November
       *[12] Dezember
    } { $year }, { $time } UTC

device-browser-on-system = { $browser } auf { $system }
device-unknown = Unbekanntes Gerät

notice-address-proved = Ihre Adresse ist bestätigt. Willkommen!
notice-code-sent = Wenn an diese Adresse gerade eine E-Mail gehen kann, ist ein neuer Code unterwegs.
notice-profile-saved = Gespeichert.
notice-password-changed = Ihr Passwort ist geändert. Alle anderen Sitzungen wurden beendet.
notice-password-reset = Ihr neues Passwort gilt. Bitte melden Sie sich damit an.
notice-address-changed = Ihr Konto hat seine neue Adresse.
notice-address-half-proved = Eine Adresse ist bestätigt. Die andere fehlt noch.
notice-no-change-under-way = Es gibt keine Änderung, die Sie abbrechen könnten: Sie ist erledigt oder wurde schon abgebrochen. Die Adresse Ihres Kontos steht unten.
notice-address-change-cancelled = Die Änderung ist abgebrochen. Ihre Adresse bleibt, wie sie war.
notice-second-step-on = Ab jetzt fragen wir beim Anmelden nach einem Code aus einer E-Mail.
notice-second-step-off = Wir fragen beim Anmelden nicht mehr nach einem Code.
notice-session-ended = Die Sitzung ist beendet.
notice-other-sessions-ended = Alle anderen Sitzungen sind beendet.
notice-already-done = Das ist schon geschehen, einmal genügt. Falls Sie ein Passwort gewählt haben, gilt das erste.
notice-account-deleted = Ihr Konto ist gelöscht.

error-home = Zur Startseite
error-expired-title = Das gilt nicht mehr
error-expired-advice = Der Link oder die Seite wurde schon benutzt, durch etwas Neueres ersetzt oder ist zu alt. Hat er seinen Zweck schon erfüllt, melden Sie sich einfach an. Sonst fangen Sie dort noch einmal an, wo Sie die E-Mail angefordert haben; dann schicken wir eine neue.
error-expired-signed-in = Der Link oder die Seite wurde schon benutzt, durch etwas Neueres ersetzt oder ist zu alt. Sie sind angemeldet und können einfach weitermachen.
error-too-many-tries-title = Zu viele Versuche
error-too-many-tries-advice = Um Konten zu schützen, machen wir hier eine Pause. Bitte kommen Sie in { $duration } wieder; es geht nichts verloren.
error-not-found-title = Diese Seite gibt es nicht
error-not-found-advice = Vielleicht ist die Adresse vertippt, oder die Seite ist umgezogen.
error-method-not-allowed-title = Das kann diese Seite nicht
error-method-not-allowed-advice = Gehen Sie zurück, laden Sie die Seite neu und versuchen Sie es noch einmal.
error-forbidden-title = Diese Anfrage kam von anderswo
error-forbidden-advice = Eine andere Website hat das Formular geschickt, deshalb haben wir nichts getan. Wenn Sie es waren, öffnen Sie unsere Seite neu und versuchen Sie es dort.
error-misdirected-title = Das ist nicht unsere Adresse
error-misdirected-advice = Dieser Server antwortet nur unter seiner eigenen Adresse, damit niemand eine fremde Website an seine Stelle setzen kann. Bitte öffnen Sie ihn hier:
error-unavailable-title = Wir sind gleich zurück
error-unavailable-advice = Etwas, das wir brauchen, antwortet gerade nicht. Es geht nichts verloren; bitte versuchen Sie es in einer Minute wieder.
error-uncertain-title = Wir wissen nicht, ob dies erledigt wurde
error-uncertain-advice = Etwas, das wir brauchen, fiel gerade beim Speichern aus. Vielleicht wurde es erledigt, vielleicht nicht: Bitte sehen Sie in einer Minute nach, bevor Sie es wieder versuchen.
error-too-large-title = Das war zu viel
error-too-large-advice = Das Formular enthielt mehr, als wir annehmen. Bitte gehen Sie zurück und fassen Sie sich kürzer.
error-bad-request-title = Das konnten wir nicht lesen
error-bad-request-advice = Das Formular kam beschädigt oder unvollständig an. Bitte gehen Sie zurück, laden Sie die Seite neu und versuchen Sie es noch einmal.
error-internal-title = Hier ist etwas schiefgegangen
error-internal-advice = Der Fehler liegt bei uns. Bitte versuchen Sie es noch einmal; geschieht es wieder, nennen Sie uns die Support-Kennung unten.
notice-app-withdrawn = Die App darf Sie nicht mehr anmelden.
notice-other-account = Inzwischen hat sich hier jemand anderes angemeldet, daher ist nichts geschehen: Sehen Sie nach, wessen Konto es jetzt ist.
