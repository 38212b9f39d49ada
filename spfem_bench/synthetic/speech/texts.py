"""The texts of the sentence bank; `spfem_bench.synthetic.speech.sentences` gives them their numbers."""

from __future__ import annotations

from collections.abc import Mapping

COMMON_TEXTS: tuple[str, ...] = (
    "The bus to the lake leaves again at a quarter past four.",
    "My brother keeps a blue bowl of plums by the window.",
    "We will move the big table before you pour the coffee.",
)
"""Said in every emotion, first."""

SHARED: tuple[str, ...] = (
    "The new library opens early on Monday morning.",
    "Please put the warm bread beside the green cup.",
    "A small boat is moving slowly over the water.",
    "Five people were waiting for the last train home.",
    "The teacher wrote a few easy words on the board.",
    "You can find fresh fish at the market by the bridge.",
    "Both of my shoes were under the wooden chair.",
    "The road goes up the hill and through the forest.",
    "He washed the white shirt and left it in the sun.",
    "Every room in the house has a very old clock.",
)
"""Said in every emotion too, and suiting any."""

GENERIC: Mapping[str, tuple[str, ...]] = {
    "neutral": (
        "The park opens at eight and closes at ten.",
        "My jacket has two pockets and a zipper.",
        "They delivered the wood on Wednesday afternoon.",
        "A cup of rice is enough for two people.",
        "The post office is beside the bank.",
        "We measured the room before we moved the bed.",
        "The train to the coast leaves every hour.",
        "He keeps his tools in a metal box.",
        "Her new desk is close to the window.",
        "The bread is on the shelf above the stove.",
        "I wrote the number on a piece of paper.",
        "You can borrow the book for three weeks.",
        "The shop sells paint, brushes, and glue.",
        "Their house is the fourth one on the left.",
        "We usually eat supper at half past six.",
        "The water in the pool is two meters deep.",
        "My aunt works in a school for nurses.",
        "Please sign your name at the bottom of the page.",
        "The elevator stops on every floor.",
        "A bowl of fruit was on the kitchen table.",
    ),
    "angry": (
        "The mail should be here before the weekend.",
        "Our neighbor paints the fence every summer.",
        "She found three coins in the pocket of her coat.",
        "The farmer moved the sheep behind the barn.",
        "We took the path that follows the river.",
        "His office is above a shop that sells maps.",
        "The kettle takes two minutes to boil.",
        "They changed the color of the front door.",
        "I usually read the paper after lunch.",
        "The phone on the shelf belongs to my mother.",
    ),
    "disgusted": (
        "The lamp beside the bed needs a new bulb.",
        "A few of them walked along the beach at noon.",
        "My uncle plays the piano in a small band.",
        "The cook put some pepper into the soup.",
        "You should turn left after the second bridge.",
        "We bought a box of pears from the farmer.",
        "Her train leaves from the other side today.",
        "The museum shows pictures of old ships.",
        "He writes a short note to his father each week.",
        "There is a map on the wall of the office.",
    ),
    "fear": (
        "The children drew a house with a purple roof.",
        "Their garden has two apple trees and a pond.",
        "I need a pound of butter for the cake.",
        "The store on the corner closes at nine.",
        "My cousin will arrive on the evening bus.",
        "We usually park the car behind the school.",
        "She put the yellow flowers in a tall glass.",
        "The movie begins a little after seven.",
        "Some of the chairs are made of dark wood.",
        "He walked the dog before the rain began.",
    ),
    "happy": (
        "The bakery on our street sells good rolls.",
        "He wears brown boots when he works outside.",
        "My sister learned to sew when she was nine.",
        "The cat likes to sleep on the warm stove.",
        "Put the blue folder under the other books.",
        "We grow beans and peas behind the house.",
        "The meeting was moved to a larger room.",
        "You have to push the button more than once.",
        "A young man helped me carry the bags.",
        "The lake is four miles from the village.",
    ),
    "sad": (
        "The table in the kitchen is made of oak.",
        "She poured the tea and opened the window.",
        "Our bus goes by the market and the park.",
        "The boy put his books into a brown bag.",
        "You can see the mountains from the roof.",
        "I will fix the bicycle over the weekend.",
        "They built a small bridge across the stream.",
        "The nurse gave him a cup of water.",
        "We saw a brown horse in the field.",
        "His watch is a few minutes too slow.",
    ),
    "surprised": (
        "The plumber came to look at the pipe.",
        "We keep the spoons in the top drawer.",
        "My father has a shop near the bus stop.",
        "The river is wide and slow in the summer.",
        "She bought a map of the old town.",
        "Put a little more salt on the fish.",
        "He wrote two chapters of the book last night.",
        "The wind moved the leaves along the road.",
        "Our teacher lives above the library.",
        "You need a warm coat for the evening.",
    ),
}
"""Said in one emotion each, and suiting any."""

RELATED: Mapping[str, tuple[str, ...]] = {
    "neutral": (
        "The bus driver counted the people twice.",
        "She puts the forks to the left of the plates.",
        "The farmer sells eggs and milk on Fridays.",
        "He bought a ticket for the early show.",
        "The office will be closed on the first of May.",
        "We left the umbrella in the other car.",
        "The third window from the door is open.",
    ),
    "angry": (
        "You broke my phone and never told me about it!",
        "Why do you always leave the mess for me?",
        "I have asked you five times to stop that noise!",
        "Give me back my keys and get out of my way!",
        "They lied to us, and now we have to pay for it!",
        "Don't you ever speak to my brother like that!",
        "I am sick of waiting for your stupid excuses!",
    ),
    "disgusted": (
        "Something in this fridge smells really foul!",
        "There is a hair in my soup, take it away!",
        "He wiped his nose on the sleeve of my coat!",
        "The milk was sour and full of little lumps.",
        "I stepped in something wet and very slimy.",
        "How can you eat food from the floor like that?",
        "That bathroom has not been cleaned for a month!",
    ),
    "fear": (
        "Did you hear that voice outside the window?",
        "Please don't leave me alone in the dark!",
        "Someone has been following us from the bus!",
        "Be quiet, I think he is behind the door!",
        "The bridge is moving, and I can't go back!",
        "I saw a huge spider go under my pillow!",
        "What if nobody comes to find us here?",
    ),
    "happy": (
        "We won the game, and everybody is cheering!",
        "I got the job, and I begin on Monday!",
        "You look so beautiful in that yellow dress!",
        "The baby smiled at me for the very first time!",
        "What a wonderful party, thank you so much!",
        "We are going to the beach for a whole week!",
        "My best friend is coming home tomorrow!",
    ),
    "sad": (
        "My old dog died while I was away from home.",
        "Nobody came to see me on my birthday.",
        "She moved away, and I never said goodbye.",
        "I lost the only picture of my mother.",
        "We will never be all together again.",
        "He sat by her empty bed and wept.",
        "I feel so lonely since you left the house.",
    ),
    "surprised": (
        "Wow, I never thought you would be here!",
        "You are getting married? When did that happen?",
        "Look at that, there is a horse in the kitchen!",
        "Oh, you painted the whole house while I was out!",
        "How did you find my ring after so many years?",
        "I won? But I never win anything!",
        "What, they moved to Spain and told nobody?",
    ),
}
"""Said in one emotion each, and suiting it; for neutral, plain statements."""

STATEMENTS: tuple[str, str] = (
    "Goats are waiting by the pool.",
    "Boys are shouting by the pool.",
)
"""One pattern, two subjects, as RAVDESS has it; said in every emotion."""
