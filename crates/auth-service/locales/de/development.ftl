# development
