"""What is said and how it sounds: sentences, phonemes in time, visemes, voice."""
