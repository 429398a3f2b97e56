import CommandLineFace

Program.main()
