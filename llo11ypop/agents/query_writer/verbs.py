"""Past forms of the irregular verbs of English: a closed class, so that a verb among unknown words is told from a noun.

Source: the irregular verbs that every grammar lists (Quirk et al., A Comprehensive Grammar of the English Language, 1985),
without forms that are nouns of the field as well (bit, cost, cut, ground, led, left, read, run, set,
shut, split) or say what state a thing is in (broken, frozen, lost, stuck).
"""

IRREGULAR = frozenset(
    """was were been became began begun bent bitten blew blown broke brought built burnt bought came caught chose
    chosen clung crept dealt did done drew drawn drank drove driven dug ate eaten fell fallen felt fed fled flew flown forgot
    forgotten fought found froze gave given got gotten grew grown had heard held hid hidden hung kept knelt knew
    known laid lain leapt learnt lent made meant met paid ran rang risen rose said sank sat saw seen sent shone shook
    shaken shot shown slept slid sold sought spent spoke spoken spun sprang stole stolen stood struck sung sunk swam swept
    swore sworn swung taken taught thought threw thrown told took tore torn understood went woke woken won wore worn wound wrote
    written""".split()
)
