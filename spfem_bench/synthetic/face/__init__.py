"""What a rendered face does: action units, emotions, personal style, and how they meet speech."""
