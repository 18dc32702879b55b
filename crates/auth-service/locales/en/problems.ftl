# What is wrong with a form: what happened, and what to do.

problem-email-missing = Type your e-mail address.
problem-email-malformed = This is not an e-mail address. It looks like name@example.com.
problem-email-too-long = This address is too long: at most 254 characters, 64 of them before the @.
problem-email-local-not-ascii = We cannot send mail to this address. Before the @ use only a to z, digits and signs such as . + - _, no umlauts, accents or emoji.
problem-email-unchanged = This is your address already. Type another one.
problem-name-too-long =
    { $maximum ->
        [one] The name may have at most { $maximum } character.
       *[other] The name may have at most { $maximum } characters.
    }
problem-name-malformed = The name holds invisible characters, a line break, or characters that did not arrive whole. Delete it and type it anew.
problem-password-missing = Type a password.
problem-current-password-missing = Type your current password.
problem-new-password-missing = Type a new password.
problem-password-too-short =
    { $minimum ->
        [one] The password needs at least { $minimum } character.
       *[other] The password needs at least { $minimum } characters.
    }
problem-password-not-text = The password holds characters that did not arrive whole. Type it anew.
problem-password-too-long = The password is too long: at most { $maximum } characters, of which letters with accents and emoji count as several.
problem-password-contextual = This password is made of your e-mail address or of the name of this service, and others try those first. Choose a few words that have nothing to do with either.
problem-password-unchanged = This is the password you have already. Choose another one.
problem-password-breached = This password is known from a breach of another service, and whoever has that list tries it. Choose one that you use nowhere else.
problem-password-common = This password is among the 100,000 most common, and others try those first. Choose a few words that have nothing to do with each other.
problem-password-pattern = This password is a pattern, such as the same over and over or keys in a row, and others try those first. Choose a few words that have nothing to do with each other.
problem-password-wrong = This is not the right password. Try again.
problem-code-missing = Type the code from the mail.
problem-code-malformed = A code has six digits. Type it just as it stands in the mail.
problem-code-wrong =
    { $tries ->
        [one] This is not the code. You have { $tries } try left.
       *[other] This is not the code. You have { $tries } tries left.
    }
problem-code-over = This code is no longer good. Ask for a new one.
problem-sign-in-refused = Address and password do not match an account that is ready to sign in. Check both and try again. If you have just signed up, first confirm your address by the code or the link in our mail, or sign up again.
problem-too-many-tries = Too many tries. Please wait { $duration }, then try again.
problem-too-many-codes = Too many wrong codes. Please wait { $duration }, then try again; or open the link in the mail, which works at once.
problem-busy = There is more to do here than we can do at once. Please wait { $duration }, then send this again.
problem-unavailable = Something we depend on does not answer at the moment, so nothing was changed. Please send this again in a minute.
problem-uncertain = Something we depend on was lost just as this was saved, so it may have been done or not. Please look in a minute, before you send this again.
problem-confirmation-missing = Tick the box if you are sure.
problem-choice-unknown = Choose one of the list.
