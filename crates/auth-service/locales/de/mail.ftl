# E-Mails. Der Betreff steht in einer Liste allein, deshalb sagt er, worum es geht.

mail-code-label = Ihr Code
mail-link-fallback = Wenn der Knopf nicht geht, kopieren Sie diese Adresse in Ihren Browser:
mail-not-you = Wenn Sie es nicht waren, müssen Sie nichts tun.
mail-alarm = Wenn Sie es nicht waren, setzen Sie sofort ein neues Passwort und beenden Sie alle Sitzungen.
mail-support = Fragen?
mail-why = { $brand } schickt diese E-Mail, weil sie das Konto dieser Adresse betrifft.

mail-prove-subject = Bestätigen Sie Ihre Adresse für { $brand }
mail-prove-title = Adresse bestätigen
mail-prove-body =
    { $hours ->
        [one] Öffnen Sie den Link oder geben Sie den Code ein, dann ist Ihr Konto fertig. Beide gelten { $hours } Stunde.
       *[other] Öffnen Sie den Link oder geben Sie den Code ein, dann ist Ihr Konto fertig. Beide gelten { $hours } Stunden.
    }
mail-prove-body-link =
    { $hours ->
        [one] Öffnen Sie den Link, dann ist Ihr Konto fertig. Er gilt { $hours } Stunde.
       *[other] Öffnen Sie den Link, dann ist Ihr Konto fertig. Er gilt { $hours } Stunden.
    }
mail-prove-action = Adresse bestätigen

mail-registered-subject = Sie haben schon ein Konto bei { $brand }
mail-registered-title = Sie haben schon ein Konto
mail-registered-body = Jemand, wahrscheinlich Sie, wollte mit dieser Adresse ein Konto anlegen. Sie hat schon eins: Melden Sie sich einfach an, oder setzen Sie ein neues Passwort, wenn Sie Ihres vergessen haben.
mail-registered-action = Anmelden
mail-registered-reset = Neues Passwort setzen:

mail-code-subject = Ihr Code zum Anmelden bei { $brand }
mail-code-title = Ihr Code zum Anmelden
mail-code-body =
    { $minutes ->
        [one] Er gilt { $minutes } Minute. Niemand von uns wird Sie je danach fragen.
       *[other] Er gilt { $minutes } Minuten. Niemand von uns wird Sie je danach fragen.
    }
mail-code-from = Verlangt hat ihn { $device }, aus dem Netz { $network }.
mail-code-alarm = Wenn Sie es nicht waren, kennt jemand Ihr Passwort: Ändern Sie es jetzt.

mail-reset-subject = Neues Passwort für { $brand } setzen
mail-reset-title = Neues Passwort setzen
mail-reset-body =
    { $minutes ->
        [one] Öffnen Sie den Link oder geben Sie den Code ein, um ein neues Passwort zu wählen. Beide gelten { $minutes } Minute.
       *[other] Öffnen Sie den Link oder geben Sie den Code ein, um ein neues Passwort zu wählen. Beide gelten { $minutes } Minuten.
    }
mail-reset-action = Neues Passwort setzen

mail-change-old-subject = Bestätigen Sie, dass Ihre Adresse bei { $brand } sich ändert
mail-change-old-title = Ihre Adresse soll sich ändern
mail-change-old-body =
    { $minutes ->
        [one] Ihr Konto soll von nun an die Adresse { $address } haben. Öffnen Sie den Link oder geben Sie den Code ein, um zuzustimmen. Beide gelten { $minutes } Minute.
       *[other] Ihr Konto soll von nun an die Adresse { $address } haben. Öffnen Sie den Link oder geben Sie den Code ein, um zuzustimmen. Beide gelten { $minutes } Minuten.
    }
mail-change-new-subject = Bestätigen Sie Ihre neue Adresse für { $brand }
mail-change-new-title = Neue Adresse bestätigen
mail-change-new-body =
    { $minutes ->
        [one] Ein Konto soll diese Adresse bekommen. Öffnen Sie den Link oder geben Sie den Code ein, um zu bestätigen, dass sie Ihnen gehört. Beide gelten { $minutes } Minute.
       *[other] Ein Konto soll diese Adresse bekommen. Öffnen Sie den Link oder geben Sie den Code ein, um zu bestätigen, dass sie Ihnen gehört. Beide gelten { $minutes } Minuten.
    }
mail-change-action = Bestätigen

mail-changed-subject = Ihre Adresse bei { $brand } hat sich geändert
mail-changed-title = Ihre Adresse hat sich geändert
mail-changed-body = Ihr Konto hatte die Adresse { $old } und hat jetzt { $new }.

mail-password-subject = Ihr Passwort für { $brand } hat sich geändert
mail-password-title = Ihr Passwort hat sich geändert
mail-password-body = Es wurde am { $moment } geändert. Jede andere Sitzung wurde beendet.

mail-second-step-on-subject = Ein zweiter Schritt schützt jetzt Ihr Konto bei { $brand }
mail-second-step-on-title = Zweiter Schritt eingeschaltet
mail-second-step-on-body = Wenn Sie sich anmelden, fragen wir nach einem Code, den wir an diese Adresse schicken.
mail-second-step-off-subject = Ihr Konto bei { $brand } hat keinen zweiten Schritt mehr
mail-second-step-off-title = Zweiter Schritt ausgeschaltet
mail-second-step-off-body = Wenn Sie sich anmelden, genügt Ihr Passwort. Ist es dafür zu kurz, fragen wir nach einem Code, bis Sie ein längeres gesetzt haben.

mail-deleted-subject = Ihr Konto bei { $brand } ist gelöscht
mail-deleted-title = Ihr Konto ist gelöscht
mail-deleted-body = Das Konto und alles, was dazugehörte, ist weg. Danke, dass Sie hier waren.

mail-disabled-subject = Ihr Konto bei { $brand } ist gesperrt
mail-disabled-title = Ihr Konto ist gesperrt
mail-disabled-body = Wer diesen Dienst betreibt, hat es gesperrt und jede Sitzung beendet. Niemand kann sich damit anmelden, bis es wieder freigegeben ist; fragen Sie dort nach, wenn Sie nicht wissen, warum.
mail-enabled-subject = Ihr Konto bei { $brand } ist wieder freigegeben
mail-enabled-title = Ihr Konto ist wieder freigegeben
mail-enabled-body = Wer diesen Dienst betreibt, hat es freigegeben: Sie können sich anmelden wie zuvor.
mail-sessions-ended-subject = Sie wurden bei { $brand } überall abgemeldet
mail-sessions-ended-title = Sie wurden überall abgemeldet
mail-sessions-ended-body = Wer diesen Dienst betreibt, hat jede Sitzung Ihres Kontos beendet. Sie können sich auf jedem Ihrer Geräte wieder anmelden.
