# Was an einem Formular nicht stimmt: was geschah, und was zu tun ist.

problem-email-missing = Geben Sie Ihre E-Mail-Adresse ein.
problem-email-malformed = Das ist keine E-Mail-Adresse. Sie sieht aus wie name@example.com.
problem-email-too-long = Diese Adresse ist zu lang: höchstens 254 Zeichen, davon 64 vor dem @.
problem-email-local-not-ascii = An diese Adresse können wir keine E-Mail schicken. Vor dem @ gehen nur a bis z, Ziffern und Zeichen wie . + - _, keine Umlaute, Akzente oder Emoji.
problem-email-unchanged = Das ist schon Ihre Adresse. Geben Sie eine andere ein.
problem-name-too-long = Der Name darf höchstens { $maximum } Zeichen haben.
problem-name-malformed = Der Name enthält unsichtbare Zeichen, einen Zeilenumbruch oder Zeichen, die nicht heil angekommen sind. Löschen Sie ihn und tippen Sie ihn neu.
problem-password-missing = Geben Sie ein Passwort ein.
problem-current-password-missing = Geben Sie Ihr jetziges Passwort ein.
problem-new-password-missing = Geben Sie ein neues Passwort ein.
problem-password-too-short = Das Passwort braucht mindestens { $minimum } Zeichen.
problem-password-not-text = Das Passwort enthält Zeichen, die nicht heil angekommen sind. Tippen Sie es neu.
problem-password-too-long = Das Passwort ist zu lang: höchstens { $maximum } Zeichen, von denen Umlaute und Emoji als mehrere zählen.
problem-password-contextual = Dieses Passwort besteht aus Ihrer E-Mail-Adresse oder dem Namen dieses Dienstes, und andere probieren so etwas zuerst. Wählen Sie ein paar Wörter, die mit beidem nichts zu tun haben.
problem-password-unchanged = Das ist das Passwort, das Sie schon haben. Wählen Sie ein anderes.
problem-password-breached = Dieses Passwort ist aus einem Datenleck eines anderen Dienstes bekannt, und wer die Liste hat, probiert es. Wählen Sie eines, das Sie sonst nirgends verwenden.
problem-password-common = Dieses Passwort gehört zu den 100.000 häufigsten, und andere probieren diese zuerst. Wählen Sie ein paar Wörter, die nichts miteinander zu tun haben.
problem-password-pattern = Dieses Passwort ist ein Muster, etwa immer das Gleiche oder Tasten nebeneinander, und andere probieren so etwas zuerst. Wählen Sie ein paar Wörter, die nichts miteinander zu tun haben.
problem-password-wrong = Das ist nicht das richtige Passwort. Versuchen Sie es noch einmal.
problem-code-missing = Geben Sie den Code aus der E-Mail ein.
problem-code-malformed = Ein Code hat sechs Ziffern. Geben Sie ihn so ein, wie er in der E-Mail steht.
problem-code-wrong =
    { $tries ->
        [one] Das ist nicht der Code. Sie haben noch { $tries } Versuch.
       *[other] Das ist nicht der Code. Sie haben noch { $tries } Versuche.
    }
problem-code-over = Dieser Code gilt nicht mehr. Fordern Sie einen neuen an.
problem-sign-in-refused = Adresse und Passwort passen zu keinem Konto, das sich anmelden kann. Prüfen Sie beides und versuchen Sie es noch einmal. Wenn Sie Ihr Konto gerade erst angelegt haben, bestätigen Sie zuerst Ihre Adresse mit dem Code oder dem Link aus unserer E-Mail, oder legen Sie es noch einmal an.
problem-too-many-tries = Zu viele Versuche. Bitte warten Sie { $duration } und versuchen Sie es dann noch einmal.
problem-too-many-codes = Zu viele falsche Codes. Bitte warten Sie { $duration } und versuchen Sie es dann noch einmal; oder öffnen Sie den Link in der E-Mail, der gilt sofort.
problem-busy = Hier ist gerade mehr zu tun, als auf einmal geht. Bitte warten Sie { $duration } und schicken Sie dies dann noch einmal ab.
problem-unavailable = Etwas, das wir brauchen, antwortet gerade nicht; es wurde nichts geändert. Bitte schicken Sie dies in einer Minute noch einmal ab.
problem-uncertain = Etwas, das wir brauchen, fiel gerade beim Speichern aus: Vielleicht wurde dies erledigt, vielleicht nicht. Bitte sehen Sie in einer Minute nach, bevor Sie es noch einmal abschicken.
problem-confirmation-missing = Setzen Sie den Haken, wenn Sie sicher sind.
problem-choice-unknown = Wählen Sie etwas aus der Liste.
