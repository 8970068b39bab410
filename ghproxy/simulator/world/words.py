"""Names and words the default world is made of."""

REPOSITORIES = (
    "anvil", "giant-rubber-band", "jet-skates", "tornado-seeds", "earthquake-pills", "glue",
    "invisible-paint", "dehydrated-boulders", "rocket-sled", "bird-seed", "super-leg-vitamins",
    "hi-speed-tonic", "iron-carrot", "do-it-yourself-tunnel", "triple-strength-battleship-armor",
    "bat-suit", "burmese-tiger-trap", "instant-girl", "jim-dandy-wagon", "lightning-bolts",
    "little-giant-firecrackers", "magnet", "matches", "mouse-snare", "nitroglycerin",
    "portable-hole", "railroad-track", "roller-skates", "smoke-screen-bomb", "spring-boots",
    "street-cleaner-wagon", "trick-balls", "unicycle", "vanishing-cream", "water-pistol",
    "weather-balloon", "axle-grease", "christmas-packaging-machine", "female-road-runner-costume",
    "empty",
)  # fmt: skip

USERS = (
    ("ada", "Ada Lovelace"), ("ben", "Ben Okri"), ("carol", "Carol Shaw"), ("dan", "Dan Ingalls"),
    ("edith", "Edith Clarke"), ("frances", "Frances Allen"), ("grace", "Grace Hopper"),
    ("hedy", "Hedy Lamarr"), ("ivan", "Ivan Sutherland"), ("joan", "Joan Clarke"),
)  # fmt: skip

LABELS = (
    ("bug", "d73a4a", "Something isn't working"),
    ("documentation", "0075ca", "Improvements or additions to documentation"),
    ("duplicate", "cfd3d7", "This issue or pull request already exists"),
    ("enhancement", "a2eeef", "New feature or request"),
    ("good first issue", "7057ff", "Good for newcomers"),
    ("help wanted", "008672", "Extra attention is needed"),
    ("lgtm", "15dd18", None),
    ("question", "d876e3", "Further information is requested"),
)

VERBS = ("Fix", "Improve", "Document", "Remove", "Test", "Simplify", "Measure", "Rename", "Guard")
NOUNS = (
    "spring", "fuse", "coyote detector", "landing", "cliff edge", "catalogue", "ballast", "wheel",
    "trigger", "shipping label", "parachute", "magnet field", "ignition", "brake", "blueprint",
)  # fmt: skip
PLACES = ("on start", "under load", "in the desert", "at night", "after a fall", "on the mesa")
SENTENCES = (
    "It worked in the workshop.",
    "The instructions say otherwise.",
    "Nobody has seen it since.",
    "The second attempt was worse.",
    "Steps to reproduce: run, then look down.",
    "A naïve reading of the manual (“just pull”, 引) does not help.",
    "See the catalogue, page 7.",
)
